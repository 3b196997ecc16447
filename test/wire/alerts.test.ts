import { describe, expect, it } from 'vitest';
import { ALERT, alertName, alertNumber, fatalAlert } from '../../src/wire/alerts.ts';

describe('alerts', () => {
  it('knows no name for an unregistered number, and no number for an unknown name', () => {
    expect(alertName(200)).toBeNull();
    expect(alertNumber('constructor')).toBeNull();
  });

  it('names both ways', () => {
    expect(alertName(49)).toBe('access_denied');
    expect(alertNumber('no_application_protocol')).toBe(120);
    for (const number of Object.values(ALERT)) expect(alertNumber(alertName(number) ?? '')).toBe(number);
  });

  it('is seven bytes before the ServerHello', () => {
    expect(fatalAlert(ALERT.accessDenied).toString('hex')).toBe('15030300020231');
  });
});
