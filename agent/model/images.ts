/** A machine image: what kind of instance a launch of it makes. */
export interface Image {
  readonly imageId: string;
  readonly name: string;
  readonly description: string;
  readonly architecture: 'x86_64' | 'arm64';
  /** `netns`: a plain network namespace with the host's files. */
  readonly kind: 'netns';
}

export const IMAGE_ID = /^ami-([0-9a-f]{8}|[0-9a-f]{17})$/;

const netns = { description: 'A network namespace with the files of the host', kind: 'netns' } as const;

/** The images that are listed. */
export const IMAGES: readonly Image[] = [
  { imageId: 'ami-00000000000000000', name: 'enid-netns-x86_64', architecture: 'x86_64', ...netns },
  { imageId: 'ami-00000000000000001', name: 'enid-netns-arm64', architecture: 'arm64', ...netns },
];

/** The listed image of an id. A launch may take other ids for plain namespaces too, so that files written for the cloud work. */
export function imageFor(imageId: string): Image | undefined {
  return IMAGES.find((image) => image.imageId === imageId);
}
