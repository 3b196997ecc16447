export interface LogList {
  readonly timestampMs: number;
}
