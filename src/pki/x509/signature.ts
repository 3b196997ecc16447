/** Signature verification between certificates, with a bounded memory of results. (Contract; filled in with x509.) */
export interface SignatureMemory {
  /** The remembered result for a key made of digests of (signed bytes, signature, SPKI), or undefined. */
  recall(key: string): boolean | undefined;
  remember(key: string, verified: boolean): void;
}
