import { HOST_ACCESS } from '../kernel/resources.js';
import { type Finding, type HostReading, SETTINGS } from './diagnosis.js';

/** What else on this machine filters packets or configures devices. Pure. */

const LAB = HOST_ACCESS.device;

/** Who has made FORWARD drop, by a chain of theirs, and how they are told to let the lab through to a device; the first that is there counts. */
const FIREWALLS = [
  {
    chain: 'DOCKER-USER',
    who: "Docker's rules drop",
    remedy: () => `iptables -I DOCKER-USER -i ${LAB} -j ACCEPT; iptables -I DOCKER-USER -o ${LAB} -j ACCEPT`,
  },
  { chain: 'ufw-user-forward', who: 'the rules of ufw drop', remedy: (device: string) => `ufw route allow in on ${LAB} out on ${device}` },
  {
    chain: 'FORWARD',
    who: 'the rules of the host drop',
    remedy: () => `iptables -I FORWARD -i ${LAB} -j ACCEPT; iptables -I FORWARD -o ${LAB} -j ACCEPT`,
  },
] as const;
const TRUST = `firewall-cmd --permanent --zone=trusted --add-interface=${LAB} && firewall-cmd --reload`;

export function judgeForwarding({ hostRules, settings, firewalld, uplink }: HostReading): Finding[] {
  const subject = 'forwarding on the host';
  const filter = /^\*filter$([\s\S]*?)^COMMIT$/m.exec(hostRules)?.[1] ?? '';
  const drops = /^:FORWARD DROP\b/m.test(filter);
  const { who, remedy } = FIREWALLS.find(({ chain }) => new RegExp(`^:${chain} `, 'm').test(filter)) ?? FIREWALLS[2];
  const findings: Finding[] = [];
  if (!drops) findings.push({ level: 'ok', subject, message: 'not dropped by default' });
  else if (uplink === undefined) {
    const message = `${who} what the host forwards in its own namespace; enid's namespaces have rules of their own and are not concerned`;
    findings.push({ level: 'note', subject, message, remedy: `for an uplink: ${remedy('DEVICE')}` });
  } else if (letsThrough(filter))
    findings.push({ level: 'ok', subject, message: `dropped by default, but the lab may leave by ${uplink}` });
  else findings.push({ level: 'problem', subject, message: `${who} what the lab sends by the uplink ${uplink}`, remedy: remedy(uplink) });
  if (firewalld)
    findings.push({
      level: uplink === undefined ? 'note' : 'warning',
      subject: 'firewalld',
      message: 'forwards nothing between zones unless it is told; only the uplink is concerned',
      remedy: TRUST,
    });
  if (drops && settings.get(SETTINGS.bridgeFilter) === 1)
    findings.push({
      level: 'warning',
      subject: 'bridges on the host',
      message: `frames that a bridge of the host passes on go through the rules too (br_netfilter), and ${who} them`,
      remedy: 'when hosts of enid are connected by that bridge: sysctl -w net.bridge.bridge-nf-call-iptables=0',
    });
  return findings;
}

/** Whether a rule accepts what comes from the lab, and another the answers: those of every flow, or of the lab's. */
function letsThrough(filter: string): boolean {
  const accepted = filter.split('\n').filter((line) => line.startsWith('-A ') && line.endsWith('-j ACCEPT'));
  const answers = accepted.some((line) => line.includes(` -o ${LAB} `) || /(--ctstate|--state) \S*ESTABLISHED/.test(line));
  return answers && accepted.some((line) => line.includes(` -i ${LAB} `));
}

export function judgeReversePath({ settings }: HostReading): Finding[] {
  if (settings.get(SETTINGS.reversePath) !== 1) return [];
  const message =
    '1: instances begin with it, as machines would: what comes in by one interface and would be answered by another is dropped there. Routers have settings of their own';
  return [
    {
      level: 'note',
      subject: SETTINGS.reversePath.replaceAll('/', '.'),
      message,
      remedy: 'where an instance needs it: sysctl -w net.ipv4.conf.all.rp_filter=2 in the instance',
    },
  ];
}

const HOW_TO_TELL: Readonly<Record<string, string>> = {
  NetworkManager: 'copy packaging/NetworkManager/conf.d/90-enid.conf to /etc/NetworkManager/conf.d; systemctl reload NetworkManager',
  'systemd-networkd': 'copy packaging/systemd/network/10-enid.network to /etc/systemd/network; networkctl reload',
};

export function judgeManagers({ managers }: HostReading): Finding[] {
  return managers.map(({ name, isTold }) =>
    isTold
      ? {
          level: 'note',
          subject: name,
          message: "runs, and leaves enid's devices alone",
          remedy: 'tell it to leave a device alone before you make it the parent of a subnet',
        }
      : {
          level: 'warning',
          subject: name,
          message: `runs, and is not told to leave devices named enid-* alone: it may take addresses and routes from them`,
          remedy: HOW_TO_TELL[name] ?? 'tell it',
        },
  );
}
