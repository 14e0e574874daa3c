import { describe, expect, it } from 'vitest';
import { type Finding, type HostReading, judge } from '../../../agent/host/diagnosis.js';
import { FEATURES, TOOLS } from '../../../agent/kernel/feature-table.js';
import type { KernelFeatures } from '../../../agent/kernel/port.js';

const ALL = 0x1ffffffffffn;
const VPC = 'vpc-00000000000000001';
const INSTANCE = 'i-00000000000000001';
const ENI = 'eni-00000000000000001';

const features = (change: { features?: Record<string, boolean>; tools?: Record<string, string | null> } = {}): KernelFeatures => ({
  kernel: '6.1.0',
  features: { ...Object.fromEntries(Object.keys(FEATURES).map((name) => [name, true])), ...change.features },
  tools: {
    ...Object.fromEntries(Object.keys(TOOLS).map((name) => [name, '1.0'])),
    iptables: '1.8.9 (nf_tables)',
    ...change.tools,
  },
  missing: [],
});

const SOUND: HostReading = {
  uid: 0,
  capabilities: ALL,
  features: features(),
  hostRules: '',
  legacyTables: [],
  settings: new Map([
    ['net/netfilter/nf_conntrack_max', 262144],
    ['net/ipv4/neigh/default/gc_thresh3', 1024],
    ['net/ipv6/neigh/default/gc_thresh3', 1024],
    ['user/max_net_namespaces', 60000],
  ]),
  namespaces: [VPC, INSTANCE],
  devices: [{ netns: VPC, name: 'e0', networkInterfaceId: ENI }],
  instanceDirectories: [INSTANCE],
  managers: [],
  firewalld: false,
  known: new Set([VPC, INSTANCE, ENI]),
};

const setting = (path: string, value: number) => ({ settings: new Map([...SOUND.settings, [path, value]]) });
const rules = (policy: string, more = '') => `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ${policy} [0:0]\n${more}-A INPUT -j ACCEPT\nCOMMIT\n`;
const manyDevices = (count: number, netns = VPC) =>
  Array.from({ length: count }, (_, i) => ({ netns, name: `e${i}`, networkInterfaceId: ENI }));
const isBad = ({ level }: Finding) => level === 'warning' || level === 'problem';

describe('what the doctor says', () => {
  it('a sound machine: every check is named, none complains', () => {
    const findings = judge(SOUND);
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
    expect(findings.map(({ subject }) => subject)).toEqual([
      'privileges',
      'kernel features',
      'tools',
      'rules of others',
      'forwarding on the host',
      'net.netfilter.nf_conntrack_max',
      'net.ipv4.neigh.default.gc_thresh3',
      'net.ipv6.neigh.default.gc_thresh3',
      'user.max_net_namespaces',
      'leftovers',
    ]);
  });

  it.each<[string, Partial<HostReading>, Finding['level'], string, RegExp, RegExp?]>([
    ['a plain user', { uid: 1000, capabilities: 0n }, 'problem', 'privileges', /no CAP_KILL, CAP_NET_ADMIN/, /sudo/],
    [
      'root in a container',
      { capabilities: ALL & ~(1n << 21n) },
      'problem',
      'privileges',
      /root, but without CAP_SYS_ADMIN$/,
      /--privileged/,
    ],
    [
      'a match that everything needs is missing',
      { features: features({ features: { 'nft ip6 devgroup': false } }) },
      'problem',
      'kernel feature nft ip6 devgroup',
      /missing on Linux 6\.1\.0; disables security groups and the source\/destination check of IPv6/,
      /linux-modules-extra/,
    ],
    [
      'a driver that few need is missing',
      { features: features({ features: { macvlan: false } }) },
      'warning',
      'kernel feature macvlan',
      /disables subnets on a device of the host/,
    ],
    [
      'a needed tool is missing',
      { features: features({ tools: { nsenter: null } }) },
      'problem',
      'tool nsenter',
      /not installed/,
      /apt-get install util-linux/,
    ],
    ['a helpful tool is missing', { features: features({ tools: { ip: null } }) }, 'warning', 'tool ip', /ip netns exec/, /iproute2/],
    [
      'rules of legacy iptables in a router',
      { legacyTables: [{ netns: VPC, tables: ['filter'] }] },
      'problem',
      'rules of others',
      new RegExp(`${VPC} holds rules of legacy iptables`),
      /ip netns delete/,
    ],
    [
      'rules of legacy iptables in routers',
      { legacyTables: ['a', 'b'].map((netns) => ({ netns, tables: ['filter'] })) },
      'problem',
      'rules of others',
      /a, b hold rules of legacy iptables/,
    ],
    [
      'Docker',
      { hostRules: rules('DROP', ':DOCKER-USER - [0:0]\n') },
      'note',
      'forwarding on the host',
      /Docker's rules drop/,
      /DOCKER-USER/,
    ],
    ['a firewall on the host', { hostRules: rules('DROP') }, 'note', 'forwarding on the host', /the rules of the host drop/, /-I FORWARD/],
    [
      'Docker, and bridges that ask it',
      { hostRules: rules('DROP', ':DOCKER-USER - [0:0]\n'), ...setting('net/bridge/bridge-nf-call-iptables', 1) },
      'warning',
      'bridges on the host',
      /br_netfilter.*Docker's rules drop them/,
      /bridge-nf-call-iptables=0/,
    ],
    [
      'few tracked flows',
      setting('net/netfilter/nf_conntrack_max', 8192),
      'warning',
      'net.netfilter.nf_conntrack_max',
      /8192/,
      /nf_conntrack_max=65536/,
    ],
    [
      'few tracked flows for a large VPC',
      { devices: manyDevices(2000) },
      'warning',
      'net.netfilter.nf_conntrack_max',
      /a VPC with 2000 interfaces/,
      /nf_conntrack_max=512000/,
    ],
    [
      'few neighbours for many interfaces',
      { devices: [...manyDevices(100), ...manyDevices(100, 'vpc-other')] },
      'warning',
      'net.ipv4.neigh.default.gc_thresh3',
      /1024: few neighbours for 200 interfaces/,
      /net\.ipv4\.neigh\.default\.gc_thresh3=1600/,
    ],
    [
      'few namespaces',
      setting('user/max_net_namespaces', 2),
      'warning',
      'user.max_net_namespaces',
      /2 namespaces are in use/,
      /max_net_namespaces=3/,
    ],
    [
      'NetworkManager',
      { managers: [{ name: 'NetworkManager', isTold: true }] },
      'note',
      'NetworkManager',
      /leaves enid's devices alone/,
      /parent of a subnet/,
    ],
    [
      'systemd-networkd that nobody told',
      { managers: [{ name: 'systemd-networkd', isTold: false }] },
      'warning',
      'systemd-networkd',
      /not told/,
      /10-enid\.network.*networkctl reload/,
    ],
    [
      'Docker, and an uplink',
      { hostRules: rules('DROP', ':DOCKER-USER - [0:0]\n'), uplink: 'eth0' },
      'problem',
      'forwarding on the host',
      /Docker's rules drop what the lab sends by the uplink eth0/,
      /-I DOCKER-USER -i enid-internet .* -o enid-internet/,
    ],
    [
      'ufw, and an uplink that only the answers may use',
      {
        hostRules: rules('DROP', ':ufw-user-forward - [0:0]\n-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n'),
        uplink: 'eth0',
      },
      'problem',
      'forwarding on the host',
      /ufw/,
      /ufw route allow in on enid-internet out on eth0/,
    ],
    ['firewalld', { firewalld: true }, 'note', 'firewalld', /only the uplink/, /--zone=trusted --add-interface=enid-internet/],
    ['firewalld, and an uplink', { firewalld: true, uplink: 'eth0' }, 'warning', 'firewalld', /between zones/],
    [
      'strict reverse paths',
      setting('net/ipv4/conf/all/rp_filter', 1),
      'note',
      'net.ipv4.conf.all.rp_filter',
      /instances begin with it/,
      /=2/,
    ],
    [
      'a namespace that nobody knows',
      { namespaces: [VPC, INSTANCE, 'i-lost'] },
      'warning',
      'leftovers',
      /nobody knows of i-lost$/,
      /eni teardown/,
    ],
    [
      'a device that nobody knows',
      { devices: [{ netns: VPC, name: 'e1', networkInterfaceId: 'eni-lost' }] },
      'warning',
      'leftovers',
      new RegExp(`nobody knows of e1 in ${VPC}$`),
    ],
    ['a directory that nobody knows', { instanceDirectories: ['i-lost'] }, 'warning', 'leftovers', /\/etc\/netns\/i-lost$/],
    [
      'a device in the namespace of the host',
      { devices: [{ netns: '', name: 'e7', networkInterfaceId: ENI }] },
      'warning',
      'leftovers',
      /in the host's own namespace: e7/,
      /ip link delete e7/,
    ],
    [
      'many leftovers',
      { namespaces: [1, 2, 3, 4, 5, 6, 7].map((n) => `i-${n}`) },
      'warning',
      'leftovers',
      /i-1, i-2, i-3, i-4, i-5 and 2 more/,
    ],
  ])('%s', (_name, change, level, subject, message, remedy) => {
    const found = judge({ ...SOUND, ...change }).filter((finding) => finding.subject === subject);
    expect(found).toContainEqual(expect.objectContaining({ level, message: expect.stringMatching(message) }));
    if (remedy) expect(found.map((finding) => finding.remedy ?? '').join()).toMatch(remedy);
  });

  it('each complaint comes alone: the rest of the machine stays sound', () => {
    expect(judge({ ...SOUND, hostRules: rules('DROP') }).filter(isBad)).toEqual([]);
    expect(judge({ ...SOUND, ...setting('net/netfilter/nf_conntrack_max', 1) }).filter(isBad)).toHaveLength(1);
    expect(judge({ ...SOUND, features: features({ features: { macvlan: false } }) }).filter(isBad)).toHaveLength(1);
  });

  it('an uplink that the rules let through is in order', () => {
    const accept = '-A DOCKER-USER -i enid-internet -j ACCEPT\n-A DOCKER-USER -o enid-internet -j ACCEPT\n';
    const [finding] = judge({ ...SOUND, hostRules: rules('DROP', `:DOCKER-USER - [0:0]\n${accept}`), uplink: 'eth0' }).filter(
      ({ subject }) => subject === 'forwarding on the host',
    );
    expect(finding).toMatchObject({ level: 'ok', message: expect.stringContaining('may leave by eth0') });
  });

  it('a policy of another table or of an accepting FORWARD chain is no concern', () => {
    const text = `*mangle\n:FORWARD DROP [0:0]\nCOMMIT\n${rules('ACCEPT')}`;
    expect(judge({ ...SOUND, hostRules: text }).find(({ subject }) => subject === 'forwarding on the host')?.level).toBe('ok');
  });

  it('without privileges nothing is said of what could not be tried', () => {
    const { features: _none, ...unread } = SOUND;
    const subjects = judge({ ...unread, uid: 1000, capabilities: 0n }).map(({ subject }) => subject);
    expect(subjects).not.toContain('kernel features');
    expect(subjects).not.toContain('forwarding on the host');
    expect(subjects).toContain('leftovers');
  });

  it('where namespaces are not allowed, that alone is the problem', () => {
    const none = Object.fromEntries(Object.keys(FEATURES).map((name) => [name, false]));
    const findings = judge({ ...SOUND, features: features({ features: none }) }).filter(isBad);
    expect(findings).toEqual([
      expect.objectContaining({ level: 'problem', subject: 'kernel feature netns', remedy: expect.stringContaining('unshare') }),
    ]);
  });

  it('settings that the kernel does not have are not judged', () => {
    const subjects = judge({ ...SOUND, settings: new Map() }).map(({ subject }) => subject);
    expect(subjects.filter((subject) => subject.includes('.'))).toEqual([]);
  });

  it.each([
    ['with namespaces', SOUND.namespaces, 'note', /2 namespaces of enid are here/],
    ['with none', [], 'ok', /no namespace/],
  ] as const)('leftovers when no agent could be asked, %s', (_name, namespaces, level, message) => {
    const { known: _unknown, ...unasked } = SOUND;
    const found = judge({ ...unasked, namespaces }).filter(({ subject }) => subject === 'leftovers');
    expect(found).toEqual([expect.objectContaining({ level, message: expect.stringMatching(message) })]);
  });
});
