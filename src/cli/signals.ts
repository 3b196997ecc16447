/**
 * Signals for `run`, from before its modules are loaded.
 *
 * Does: remember SIGTERM and SIGINT that come while the proxy starts. In a container we are process 1, for which the
 * kernel drops signals that nobody listens to: `docker stop` in the first second would wait for its whole grace time.
 * Does not: end anything; the caller of `handle` does.
 * The caller must: end the process when it has ended. They are listened to until then: without a listener the kernel
 * ends a process that has drained, and its exit code says that it was killed.
 */

export interface Signals {
  /** From now on they are told; those that came before are told at once. */
  handle(ending: () => void, hangup: () => void): void;
}

const ENDINGS = ['SIGTERM', 'SIGINT'] as const;
let remembered: Signals | null = null;

/** Called before the modules of `run` are loaded, which takes longer than loading this one. */
export function rememberSignals(): void {
  remembered ??= listenForSignals();
}

/** What was remembered, or from now on. */
export function takeSignals(): Signals {
  const taken = remembered ?? listenForSignals();
  remembered = null;
  return taken;
}

function listenForSignals(): Signals {
  let endings = 0;
  let onEnding: () => void = () => {
    endings += 1;
  };
  let onHangup: () => void = () => undefined;
  const ending = (): void => onEnding();
  const hangup = (): void => onHangup();
  for (const signal of ENDINGS) process.on(signal, ending);
  process.on('SIGHUP', hangup);
  return {
    handle(whenEnding, whenHangup) {
      onEnding = whenEnding;
      onHangup = whenHangup;
      for (; endings > 0; endings -= 1) whenEnding();
    },
  };
}
