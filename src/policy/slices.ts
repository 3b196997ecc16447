/**
 * Long work in slices: a generator that yields where nothing is half done, so that whoever drives it may do other
 * things in between. The pure rooms have no other way to make room: they do not wait.
 */

/** Yields nothing but the chance to pause; returns the result. */
export type Slices<T> = Generator<void, T, void>;

/** Does the work in one go. */
export function atOnce<T>(work: Slices<T>): T {
  while (true) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
