/**
 * Memory of an idempotent request: the same token with the same parameters gets the first answer again.
 * @see https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
 */
export interface ClientToken {
  /** `<command> <token>` */
  readonly tokenId: string;
  /** Digest of the request's parameters. */
  readonly digest: string;
  /** The command's result. */
  readonly result: unknown;
  readonly createTime: string;
}
