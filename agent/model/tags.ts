import { z } from 'zod';

export type Tags = Readonly<Record<string, string>>;

/** Fields that every noun carries. */
export interface Noun {
  readonly ownerId: string;
  readonly tags: Tags;
}

/** @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions */
export const MAX_TAGS = 50;

export const TagKey = z
  .string()
  .min(1, 'must not be empty')
  .max(128, 'must be at most 128 characters')
  .refine((key) => !/^aws:/i.test(key), { message: 'must not begin with aws:, which is reserved' });
export const TagValue = z.string().max(256, 'must be at most 256 characters');
export const TagMap = z.record(TagKey, TagValue);
