/** What was learnt of boot firmware: the DHCP room learns, the store keeps it, the API shows it. */

/** See dhcp/strategy.ts. */
export type ProxyStrategy = 'a' | 'b';

export interface LearntStrategy {
  /** A MAC, or `firmware …` for all machines alike. */
  readonly key: string;
  readonly strategy: ProxyStrategy;
  /** Milliseconds since 1970. */
  readonly at: number;
}
