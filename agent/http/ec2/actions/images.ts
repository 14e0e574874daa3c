import { apiError } from '../../../model/errors.js';
import { IMAGE_ID, type Image, imageFor } from '../../../model/images.js';
import type { Actions } from '../action.js';
import { describePlain } from '../describe.js';
import type { Tree } from '../params.js';

/** Account that the cloud's own images belong to. */
const AMAZON = '137112412989';

function imageTree(image: Image): Tree {
  return {
    ImageId: image.imageId,
    Name: image.name,
    Description: image.description,
    Architecture: image.architecture,
    State: 'available',
    Public: true,
    OwnerId: AMAZON,
    ImageOwnerAlias: 'amazon',
    ImageLocation: `amazon/${image.name}`,
    ImageType: 'machine',
    CreationDate: '2026-01-01T00:00:00.000Z',
    PlatformDetails: 'Linux/UNIX',
    UsageOperation: 'RunInstances',
    Hypervisor: 'xen',
    VirtualizationType: 'hvm',
    EnaSupport: true,
    RootDeviceName: '/dev/xvda',
    RootDeviceType: 'ebs',
    BlockDeviceMappings: [],
    Tags: [],
  };
}
export const imageActions: Actions = {
  DescribeImages: describePlain({
    list: 'Images',
    heeds: ['ImageIds', 'Owners'],
    ignores: ['ExecutableUsers', 'IncludeDeprecated', 'IncludeDisabled'],
    items: ({ images: listed }, input) => {
      const ids = input.ImageIds as string[] | undefined;
      const images = ids?.length ? ids.map((id) => imageById(id, listed)) : listed;
      const owners = input.Owners as string[] | undefined;
      return owners?.length && !owners.some((owner) => owner === 'amazon' || owner === AMAZON) ? [] : images;
    },
    key: (image) => image.imageId,
    tree: imageTree,
    filters: {
      'image-id': (image) => [image.imageId],
      name: (image) => [image.name],
      architecture: (image) => [image.architecture],
      description: (image) => [image.description],
      state: () => ['available'],
      'is-public': () => ['true'],
      'image-type': () => ['machine'],
      'owner-id': () => [AMAZON],
      'owner-alias': () => ['amazon'],
      'root-device-type': () => ['ebs'],
      'root-device-name': () => ['/dev/xvda'],
      'virtualization-type': () => ['hvm'],
      hypervisor: () => ['xen'],
      'ena-support': () => ['true'],
    },
  }),
};

/** @throws {ApiError} InvalidAMIID.Malformed, InvalidAMIID.NotFound */
function imageById(id: string, images: readonly Image[]): Image {
  if (!IMAGE_ID.test(id)) throw apiError('InvalidAMIID.Malformed', { id: id.slice(0, 80) });
  const image = imageFor(id, images);
  if (!image) throw apiError('InvalidAMIID.NotFound', { id });
  return image;
}
