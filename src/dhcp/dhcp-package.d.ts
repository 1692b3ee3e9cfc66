/** The part of the untyped npm package `dhcp` that `vocabulary.ts` reads: its option table. */
declare module 'dhcp/lib/options.js' {
  interface PackageOption {
    readonly name: string;
    readonly type?: string;
    /** Configuration key (`tftpServer`). */
    readonly config?: string;
    /** Key of what only clients send (`clientId`). */
    readonly attr?: string;
    readonly enum?: Readonly<Record<number, string>>;
  }
  const catalogue: { readonly opts: Readonly<Record<string, PackageOption>> };
  export = catalogue;
}
