/** A worker process that misbehaves as its environment says, for the tests of who watches workers. */
import process from 'node:process';

const how = process.env['ODD'] ?? 'serve';
const send = (message: unknown) => void process.send?.(message);

process.on('message', (message: { kind: string; id?: number; ticketKeys?: Uint8Array }) => {
  if (message.kind === 'start') start();
  else if (how === 'echo')
    send({ kind: 'complaint', message: ['heard', message.kind, message.ticketKeys?.[0]].join(' ').trim() });
  if (message.kind === 'snapshot' && how !== 'mute') {
    const samples = [{ name: 'pinwarden_x_total', help: 'X.', type: 'counter', values: [{ value: 1, labels: {} }] }];
    send({ kind: 'snapshot', id: message.id, snapshot: { samples, failing: [] } });
  }
  if (message.kind === 'generation')
    send({ kind: how === 'stubborn' ? 'not-applied' : 'applied', generation: 2, message: 'no' });
  if (message.kind === 'drain' && how !== 'mute') {
    send({ kind: 'drained', finished: 2, cut: 1 });
    process.disconnect?.();
  }
});

function start(): void {
  if (how === 'silent') return;
  if (how === 'refuse') {
    process.send?.({ kind: 'failed', message: 'no socket' }, () => process.exit(70));
    return;
  }
  if (how === 'crash') process.exit(70);
  send({ kind: 'ready' });
  send({ kind: 'beat', tunnels: 3, auditBlocked: false });
}
