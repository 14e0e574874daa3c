/** Whether a request at `/` speaks the query protocol; a browser's visit does not. */
export function isEc2Request({ method, url }: { readonly method: string; readonly url: string }): boolean {
  const [path, query = ''] = url.split('?', 2);
  return path === '/' && (method === 'POST' || (method === 'GET' && /(^|&)(Action|Version|X-Amz-Algorithm|AWSAccessKeyId)=/.test(query)));
}
