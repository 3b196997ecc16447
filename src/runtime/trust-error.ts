/** Trust material that cannot be used; `message` names the file. */
export class TrustError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TrustError';
  }
}
