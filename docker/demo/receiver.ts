/** `node docker/demo/receiver.ts [PORT]`: where the example Alertmanager sends to; prints each alert as one line. */
import { createServer } from 'node:http';

interface Notification {
  readonly alerts?: readonly {
    readonly status?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}

const MAX_BODY_BYTES = 1024 * 1024;
const [port = '9095'] = process.argv.slice(2);

function print(receiver: string, text: string): void {
  const { alerts = [] } = JSON.parse(text) as Notification;
  for (const { status, labels, annotations } of alerts) {
    const line = [receiver, status, labels?.['severity'], labels?.['alertname'], annotations?.['summary']].join(' ');
    process.stdout.write(`${line}\n`);
  }
}

createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > MAX_BODY_BYTES) request.destroy();
  });
  request.once('end', () => {
    try {
      print(request.url ?? '/', text);
      response.end();
    } catch {
      response.writeHead(400).end();
    }
  });
}).listen(Number(port), '127.0.0.1');
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));
