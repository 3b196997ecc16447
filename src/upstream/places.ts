/**
 * Places for work that blocks a thread each: a number in all and a share for one asker, so that nobody takes them all.
 *
 * Does: hand out places in the order of asking, passing over askers whose share is used up.
 * Does not: keep time; who gives up waiting still gets its place and leaves it at once.
 * The caller must: call the leave function of every place exactly once.
 */

export interface Places {
  /** Waits for a place; answers the function that leaves it. */
  enter(asker: string): Promise<() => void>;
}

interface Waiter {
  readonly asker: string;
  readonly start: () => void;
}

export function createPlaces(most: number, mostPerAsker: number): Places {
  const taken = new Map<string, number>();
  const waiting: Waiter[] = [];
  let inAll = 0;

  const ofAsker = (asker: string): number => taken.get(asker) ?? 0;
  const fits = ({ asker }: Pick<Waiter, 'asker'>): boolean => inAll < most && ofAsker(asker) < mostPerAsker;
  const take = (asker: string): void => {
    inAll += 1;
    taken.set(asker, ofAsker(asker) + 1);
  };
  const leave = (asker: string): void => {
    inAll -= 1;
    const left = ofAsker(asker) - 1;
    if (left === 0) taken.delete(asker);
    else taken.set(asker, left);
    const next = waiting.findIndex(fits);
    if (next === -1) return;
    for (const waiter of waiting.splice(next, 1)) {
      take(waiter.asker);
      waiter.start();
    }
  };
  return {
    async enter(asker) {
      if (fits({ asker })) take(asker);
      else await new Promise<void>((start) => waiting.push({ asker, start }));
      return () => leave(asker);
    },
  };
}
