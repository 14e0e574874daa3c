import { z } from 'zod';
import { apiError } from '../model/errors.js';
import { mintId } from '../model/ids.js';
import { DEFAULT_INSTANCE_TYPE } from '../model/instance-types.js';
import { instanceTypeOf } from './address-limits.js';
import { idempotent } from './client-token.js';
import { command } from './command.js';
import { clientToken, deviceIndex } from './fields.js';
import { checkReference, checkRoom, checkUnregistered, guestFields } from './guest.js';
import { instanceFields } from './instance-fields.js';
import { launch, launchFields, plansOf, primaryPlace } from './run-instances.js';

const { userData: _text, userDataBase64: _bytes, ...attributes } = instanceFields;

export const registerInstance = idempotent(
  'registerInstance',
  command({
    summary: 'Make an instance of a namespace that is there already: a container, a named namespace, or that of a process.',
    input: z.strictObject({
      ...guestFields,
      ...launchFields,
      deviceIndex: deviceIndex
        .optional()
        .describe(
          "Of the interface that is made without networkInterfaces; default 0. Others than 0 leave the guest's default route alone.",
        ),
      ...attributes,
      clientToken,
    }),
    run: (draft, { containerId, netns, pid, ...input }, context) => {
      const reference = { containerId, netns, pid };
      checkReference(reference);
      instanceTypeOf(input.instanceType ?? DEFAULT_INSTANCE_TYPE);
      if (input.networkInterfaces && input.deviceIndex !== undefined)
        throw apiError('InvalidParameterCombination', { reason: 'Put deviceIndex into networkInterfaces' });
      const plans = plansOf(draft, input, input.deviceIndex);
      if (!context.guest) throw apiError('UnsupportedOperation', { reason: 'This host takes no guests' });
      const guest = context.guest(reference);
      checkUnregistered(draft, guest, context.hostId);
      checkRoom(
        guest,
        plans.map((plan) => plan.deviceIndex),
      );
      const reservationId = mintId('reservation', context.randomHex);
      const place = { ...primaryPlace(plans, undefined), reservationId, launchIndex: 0, holder: guest.holder };
      return { instanceId: launch(draft, input, plans, place, context) };
    },
  }),
);
