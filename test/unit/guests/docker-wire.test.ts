import { describe, expect, it } from 'vitest';
import { parseComplaint, parseEvent, parseInspection, parseList } from '../../../agent/guests/docker-wire.js';

const ID = '96604674ea59ea0edcd059f4395ea1c67514e3e354bf640b87850a49a32f55f3';
/** As Docker 20.10 sends it, but for the action. */
const event = (action: string, type = 'container') =>
  `{"status":"${action}","id":"${ID}","from":"bb","Type":"${type}","Action":"${action}","Actor":{"ID":"${ID}","Attributes":{"exitCode":"137","image":"bb","name":"web"}},"scope":"local","time":1795515891,"timeNano":1795515891619716332}`;

describe('events', () => {
  it.each([
    ['start', 'start'],
    ['die', 'die'],
    ['destroy', 'destroy'],
    // Podman's words.
    ['died', 'die'],
    ['remove', 'destroy'],
  ] as const)('%s', (action, expected) => {
    expect(parseEvent(event(action))).toEqual({ action: expected, id: ID, name: 'web' });
  });

  it.each([
    ['of no concern', event('kill')],
    ['of an exec', event('exec_create: cat /etc/resolv.conf')],
    ['with the name of a property of every object', event('constructor')],
    ['of a network', event('start', 'network')],
    ['empty', ' '],
    ['cut off', event('start').slice(0, 100)],
    ['something else', '[1]'],
  ])('none: %s', (_what, line) => expect(parseEvent(line)).toBeUndefined());
});

describe('an inspection', () => {
  const body = (state: object, more: object = {}) => ({
    Id: ID,
    Name: '/web',
    State: { Status: 'running', Running: true, Paused: false, Pid: 14002, StartedAt: '2026-11-24T10:24:50.696276418Z', ...state },
    HostConfig: { NetworkMode: 'none' },
    Config: { Image: 'bb', Labels: {} },
    ...more,
  });

  it.each<[string, object, object]>([
    ['running', body({}), { id: ID, name: 'web', running: true, pid: 14002, networkMode: 'none', labels: {} }],
    ['exited', body({ Running: false, Pid: 0 }), { running: false, pid: 0 }],
    ['running, its process not known yet', body({ Pid: 0 }), { running: false }],
    ['without labels', body({}, { Config: { Image: 'bb', Labels: null } }), { labels: {} }],
    ["with another's network", body({}, { HostConfig: { NetworkMode: `container:${ID}` } }), { networkMode: `container:${ID}` }],
  ])('%s', (_what, given, expected) => expect(parseInspection(given)).toMatchObject(expected));

  it('of something else is refused', () => expect(() => parseInspection({ Id: ID })).toThrow());
});

it('names of a list', () => expect(parseList([{ Id: ID, Names: ['/enid-i-1'] }])).toEqual(['enid-i-1']));

it.each([
  ['{"message":"No such container: nobody"}', 'No such container: nobody'],
  ['page not found\n', 'page not found'],
])('complaint %s', (text, expected) => expect(parseComplaint(text)).toBe(expected));
