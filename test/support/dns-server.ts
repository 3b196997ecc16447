/** A DNS server on 127.0.0.1 that answers by script (RFC 1035): what a name has, which error, or nothing at all. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { parseIp } from '../../src/model/ip.ts';

/** Addresses of both families, `servfail`, `refused`, `nxdomain`, or `silent`; a function is asked anew each time. */
export type Answer = readonly string[] | 'servfail' | 'refused' | 'nxdomain' | 'silent';
export type Script = Readonly<Record<string, Answer | ((type: 'A' | 'AAAA') => Answer)>>;

export interface DnsServer {
  /** As a resolver wants it: `127.0.0.1:port`. */
  readonly server: string;
  /** Questions so far, as `name type`. */
  readonly questions: readonly string[];
  close(): Promise<void>;
}

const RCODE = { servfail: 2, nxdomain: 3, refused: 5 } as const;
const TYPE_AAAA = 28;

interface Question {
  readonly name: string;
  readonly type: 'A' | 'AAAA';
  /** End of the question section. */
  readonly end: number;
}

function readQuestion(query: Buffer): Question {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1) === TYPE_AAAA ? 'AAAA' : 'A';
  return { name: labels.join('.').toLowerCase(), type, end: at + 5 };
}

function record(address: string): Buffer {
  const data = Buffer.from(parseIp(address) ?? []);
  const head = Buffer.alloc(12);
  // The name is a pointer to the question; class IN; TTL 0.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(data.length === 16 ? TYPE_AAAA : 1, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function reply(query: Buffer, question: Question, answer: Exclude<Answer, 'silent'>): Buffer {
  const records =
    typeof answer === 'string' ? [] : answer.filter((one) => isIPv6(one) === (question.type === 'AAAA')).map(record);
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180 | (typeof answer === 'string' ? RCODE[answer] : 0), 2);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, query.subarray(12, question.end), ...records]);
}

/** Starts it. Names that the script does not know do not exist. Only UDP: an answer must fit into 1,232 bytes. */
export async function startDnsServer(script: Script): Promise<DnsServer> {
  const questions: string[] = [];
  const socket: Socket = createSocket('udp4', (query: Buffer, from: RemoteInfo) => {
    const question = readQuestion(query);
    questions.push(`${question.name} ${question.type}`);
    const scripted = (Object.hasOwn(script, question.name) ? script[question.name] : null) ?? 'nxdomain';
    const answer = typeof scripted === 'function' ? scripted(question.type) : scripted;
    if (answer !== 'silent') socket.send(reply(query, question, answer), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    server: `127.0.0.1:${socket.address().port}`,
    questions,
    close: () => new Promise((done) => socket.close(() => done())),
  };
}
