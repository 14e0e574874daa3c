/** How a direction in a region's name is abbreviated: `southeast` to `se`, `central` to `c`. */
function abbreviated(word: string): string {
  const [, first, second] = /^(north|south)?(east|west)?$/.exec(word) ?? [];
  return first || second ? `${first?.[0] ?? ''}${second?.[0] ?? ''}` : (word[0] ?? '');
}

/**
 * The id of an availability zone: `us-east-1a` is `use1-az1`, and so on by the alphabet (the cloud's order differs by account). A name that is
 * not a region's with one letter is its own id.
 * @see https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html
 */
export function zoneIdOf(zone: string): string {
  const [, area, directions, number, letter] = /^([a-z]+)((?:-[a-z]+)+)-(\d+)([a-z])$/.exec(zone) ?? [];
  if (!area || !directions || !number || !letter) return zone;
  const middle = directions.slice(1).split('-').map(abbreviated).join('');
  return `${area}${middle}${number}-az${letter.charCodeAt(0) - 'a'.charCodeAt(0) + 1}`;
}
