/** One of our own listening sockets. */
export interface OwnEndpoint {
  /** Address it is bound to; `0.0.0.0` and `::` mean every address of this machine. */
  readonly address: string;
  readonly port: number;
}
