/** A foreign upstream: nginx on 127.0.0.1 with a given chain, HTTP/1.1 and HTTP/2 by ALPN. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEnv } from './client.ts';
import { freePorts } from './house.ts';
import { dialLocal, eventually } from './sockets.ts';
import type { Issued } from './test-ca.ts';

export interface Nginx {
  readonly port: number;
  stop(): Promise<void>;
}

/** `GET /` answers `nginx <protocol>`; `GET /large` the file of `largeBytes` zeros. */
export async function startNginx(leaf: Issued, largeBytes = 0): Promise<Nginx> {
  const dir = mkdtempSync(join(tmpdir(), 'pinwarden-nginx-'));
  const [port = 0] = await freePorts(1);
  writeFileSync(join(dir, 'chain.pem'), leaf.chainPem);
  writeFileSync(join(dir, 'key.pem'), leaf.keyPem);
  writeFileSync(join(dir, 'large'), Buffer.alloc(largeBytes));
  writeFileSync(join(dir, 'nginx.conf'), configuration(dir, port));
  const child = spawn('nginx', ['-p', dir, '-c', 'nginx.conf', '-e', 'error.log'], {
    env: { ...plainEnv(), PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  await eventually('nginx listens', async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`);
    return await answers(port);
  });
  return {
    port,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = dialLocal(port);
  return await new Promise((done) => {
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  }).then((up) => {
    socket.destroy();
    return up === true;
  });
}

function configuration(dir: string, port: number): string {
  return `
daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate chain.pem;
    ssl_certificate_key key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    location = / { default_type text/plain; return 200 "nginx $server_protocol\\n"; }
    location = /large { root ${dir}; }
  }
}
`;
}
