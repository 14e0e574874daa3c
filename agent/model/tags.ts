export type Tags = Readonly<Record<string, string>>;

/** Fields that every noun carries. */
export interface Noun {
  readonly ownerId: string;
  readonly tags: Tags;
}
