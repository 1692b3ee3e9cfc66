/** The texts of templates as they were when something was armed: what a later edit of the files does not change. */

export interface TemplateSet {
  /** Of all of it: the same texts are kept once. */
  readonly hash: string;
  /** By name under `templates/`: each template with every partial it reaches. */
  readonly texts: Readonly<Record<string, string>>;
}
