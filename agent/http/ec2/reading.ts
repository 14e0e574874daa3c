/** Whether an action changes nothing: the cloud's names tell. */
export function isReading(action: string): boolean {
  return /^(Describe|Get|List|Search)[A-Z]/.test(action);
}
