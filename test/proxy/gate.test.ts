import { describe, expect, it } from 'vitest';
import { createGate } from '../../src/proxy/gate.ts';
import { DEFAULT_LIMITS } from '../../src/proxy/limits.ts';

const gateOf = (change: Partial<typeof DEFAULT_LIMITS>) => createGate({ ...DEFAULT_LIMITS, ...change });

describe('the gate', () => {
  it('is full for one client and not for another', () => {
    const gate = gateOf({ connectionsPerClient: 2 });
    expect(gate.enterConnection('a').full).toBeNull();
    const second = gate.enterConnection('a');
    expect(second.full).toBeNull();
    const third = gate.enterConnection('a');
    expect(third.full).toBe('limit.client');
    expect(gate.enterConnection('b').full).toBeNull();
    // One that was refused counts until it has left: its socket is open like any other.
    second.leave();
    expect(gate.enterConnection('a').full).toBe('limit.client');
    third.leave();
    expect(gate.connections).toBe(3);
  });

  it('is full for all, which is told before the client’s own bound', () => {
    const gate = gateOf({ opening: 1, openingPerClient: 1 });
    expect(gate.enterOpening('a').full).toBeNull();
    expect(gate.enterOpening('a').full).toBe('limit.connections');
    expect(gate.enterOpening('b').full).toBe('limit.connections');
    expect(gate.openings).toBe(3);
    expect(gate.connections).toBe(0);
  });

  it('counts a leave once', () => {
    const gate = gateOf({ connectionsPerClient: 1 });
    const one = gate.enterConnection('a');
    gate.enterConnection('a');
    one.leave();
    one.leave();
    expect(gate.connections).toBe(1);
    expect(gate.enterConnection('a').full).toBe('limit.client');
  });
});
