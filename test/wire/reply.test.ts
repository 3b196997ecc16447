import { describe, expect, it } from 'vitest';
import { CODES, type Code } from '../../src/model/codes.ts';
import { refusalParts, refusalReply, tunnelReply } from '../../src/wire/reply.ts';

const note = { code: 'pin.mismatch', rule: 'bank', eventId: 'e-1' } as const;

function split(bytes: Buffer): { lines: string[]; body: string } {
  const text = bytes.toString('utf8');
  const end = text.indexOf('\r\n\r\n');
  return { lines: text.slice(0, end).split('\r\n'), body: text.slice(end + 4) };
}

describe('refusalReply', () => {
  it('cannot be split by what peers said', () => {
    const evil = 'x\r\nSet-Cookie: a=b\r\n\r\nHTTP/1.1 200 OK';
    const { lines, body } = split(refusalReply({ ...note, detail: evil, observed: [evil], rule: evil, eventId: evil }));
    expect(lines).toHaveLength(6);
    expect(lines.join('\n')).not.toMatch(/^Set-Cookie/m);
    expect(JSON.parse(body)).toMatchObject({ code: 'pin.mismatch', status: 502 });
  });

  it.each(Object.keys(CODES) as Code[])('%s is a whole response', (code) => {
    const { lines, body } = split(refusalReply({ ...note, code }));
    expect(lines[0]).toMatch(new RegExp(`^HTTP/1\\.1 [45][0-9]{2} pinwarden: ${code}$`));
    expect(lines).toContain(`Content-Length: ${Buffer.byteLength(body)}`);
    expect(lines).toContain('Content-Type: application/problem+json');
    expect(lines).toContain('Connection: close');
    expect(lines[1]).toMatch(
      new RegExp(`^Proxy-Status: pinwarden; error=${CODES[code].proxyStatus}; details="${code} `),
    );
    expect(JSON.parse(body)).toMatchObject({ code });
  });

  it('asks for credentials, and says when to come back', () => {
    const names = (code: Code) => refusalParts({ ...note, code }).headers.map(([name]) => name);
    expect(names('auth.required')).toContain('Proxy-Authenticate');
    expect(names('pin.mismatch')).not.toContain('Proxy-Authenticate');
    expect(names('limit.client')).toContain('Retry-After');
    expect(names('limit.connections')).toContain('Retry-After');
    expect(names('pin.mismatch')).not.toContain('Retry-After');
  });
});

describe('tunnelReply', () => {
  it('opens a tunnel without content', () => {
    expect(tunnelReply(null).toString()).toBe('HTTP/1.1 200 Connection established\r\n\r\n');
  });

  it('says what is wrong with an alerted one', () => {
    expect(tunnelReply(note).toString()).toBe(
      'HTTP/1.1 200 Connection established\r\nProxy-Status: pinwarden; details="pin.mismatch policy=bank event=e-1"\r\n\r\n',
    );
  });
});
