/**
 * What an installation has recorded: its audit files and its evidence locker, read as they lie there. No running proxy
 * is needed.
 */
import { FileError } from '../host/files.ts';
import type { AuditEvent } from '../observe/audit-event.ts';
import { auditFiles, type Follower, followAudit, type Period, readAudit } from '../observe/audit-reader.ts';
import { listExhibits, lockerDirectory } from '../observe/evidence-locker.ts';
import type { Exhibit } from '../observe/exhibit.ts';
import type { Config } from '../policy/config.ts';
import type { Typed } from './next-command.ts';
import { CommandError } from './usage.ts';

/** Events in the order of time. @throws CommandError when a file may not be read */
export function* recordedEvents({ audit }: Config, period: Period = {}): Generator<AuditEvent> {
  try {
    yield* readAudit(auditFiles(audit.file), period);
  } catch (thrown) {
    throw unreadable(thrown);
  }
}

/** What is written from now on. @throws CommandError, also by `poll`, when a file may not be read */
export function followRecorded({ audit }: Config): Follower {
  try {
    const follower = followAudit(audit.file);
    return {
      poll() {
        try {
          return follower.poll();
        } catch (thrown) {
          throw unreadable(thrown);
        }
      },
      close: () => follower.close(),
    };
  } catch (thrown) {
    throw unreadable(thrown);
  }
}

/** Newest first. @throws CommandError when the directory may not be read */
export function recordedExhibits({ state }: Config): readonly Exhibit[] {
  try {
    return listExhibits(lockerDirectory(state));
  } catch (thrown) {
    throw unreadable(thrown);
  }
}

function unreadable(thrown: unknown): unknown {
  if (!(thrown instanceof FileError)) return thrown;
  return new CommandError(thrown.message, 'ask as the user that runs the proxy');
}

/** Ids of events are UUIDs; four characters are enough to mean one, and no slip names half of them. */
const EVENT_PREFIX = /^[0-9A-Za-z-]{4,64}$/;

/** The start of an event's or an exhibit's id as people type it. @throws CommandError */
export function readPrefix(text: string, typed: Typed): string {
  if (EVENT_PREFIX.test(text)) return text;
  throw new CommandError(
    `${JSON.stringify(text.slice(0, 80))} is no event id`,
    `give the id of a refusal, or its first characters (four at least): ${typed('events')}`,
  );
}
