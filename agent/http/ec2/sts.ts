import { apiError } from '../../model/errors.js';
import { brief } from './params.js';
import { escapeXml } from './xml-text.js';

const VERSION = '2011-06-15';

export function isSts(version: string | undefined): boolean {
  return version === VERSION;
}

/** The one action of the token service that clients of EC2 ask for before they begin. @throws {ApiError} InvalidAction */
export function answerSts(action: string, accountId: string, requestId: string): string {
  if (action !== 'GetCallerIdentity')
    throw apiError('InvalidAction', { reason: `The action ${brief(action)} of STS is not served here; GetCallerIdentity is` });
  const result = `<Arn>arn:aws:iam::${accountId}:root</Arn><UserId>${accountId}</UserId><Account>${accountId}</Account>`;
  return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/${VERSION}/"><GetCallerIdentityResult>${result}</GetCallerIdentityResult><ResponseMetadata><RequestId>${escapeXml(requestId)}</RequestId></ResponseMetadata></GetCallerIdentityResponse>`;
}
