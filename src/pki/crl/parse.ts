export interface Crl {
  readonly issuerKey: string;
}
