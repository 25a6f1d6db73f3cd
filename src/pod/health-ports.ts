import type { Failure, PortOutcome } from '../base/ports.ts'
import type { PortsSeen, PortsView } from './federation/ports.ts'
import type { Finding } from './health.ts'
import { bad, good, warning } from './health.ts'

/** How one pod saw one port. */
export interface PortSeen {
  readonly pod: string
  readonly at: string
  readonly outcome: PortOutcome | 'pod'
}

/** A port as others saw it. */
interface Port {
  readonly name: string
  readonly seen: readonly PortSeen[]
  readonly hints: Readonly<Partial<Record<PortSeen['outcome'], string>>>
}

const said: Readonly<Record<PortSeen['outcome'], string>> = {
  open: 'open',
  refused: 'refused',
  timeout: 'no answer',
  unreachable: 'no way there',
  other: 'somebody else answers',
  pod: 'another pod answers',
  'certificate-name': 'a certificate for another name',
  'certificate-expired': 'a certificate that is out of date',
  certificate: 'a certificate that nobody vouches for'
}

/**
 * The pod's ports, each as other pods saw it.
 * @param own the fingerprint of this pod's certificate, hex.
 */
export function judgePorts(own: string, view: PortsView | Failure): Finding[] {
  if ('code' in view) return [unseen(view.message)]
  const { wanted, seen, silent } = view
  if (seen.length === 0) {
    const asked = silent.map(({ pod, code }) => `${pod} (${code})`)
    return [
      unseen(asked.length > 0 ? `${asked.join(', ')} did not say` : 'no other pod could be asked')
    ]
  }
  const of = (outcome: (one: PortsSeen) => PortSeen['outcome'] | null): PortSeen[] =>
    seen.flatMap(one => {
      const was = outcome(one)
      return was === null ? [] : [{ pod: one.pod, at: one.at, outcome: was }]
    })
  const whose = (one: PortsSeen) =>
    one.https === 'open' && one.shown !== null && one.shown !== own ? 'pod' : one.https
  const ports: Port[] = [
    { name: `${wanted.tcp}/tcp`, seen: of(one => one.tcp), hints: closed(`${wanted.tcp}/tcp`) },
    { name: '443/tcp', seen: of(whose), hints: { ...closed('443/tcp'), ...ofHttps } },
    { name: `${wanted.udp}/udp`, seen: of(one => one.udp), hints: closed(`${wanted.udp}/udp`) }
  ]
  return ports.filter(port => port.seen.length > 0).map(judged)
}

const unseen = (detail: string): Finding =>
  warning(
    'ports',
    'PORTS_UNSEEN',
    `nobody has looked from outside: ${detail}`,
    'Agree with another pod, each with `muttr pod peers allow HOSTNAME`: friends look for each other.'
  )

function judged({ name, seen, hints }: Port): Finding {
  const what = `port ${name}`
  const detail = seen
    .map(({ pod, at, outcome }) => `${said[outcome]}, as ${pod} sees it at ${at}`)
    .join('; ')
  const wrong = seen.filter(({ outcome }) => outcome !== 'open')
  const [first] = wrong
  if (!first) return { ...good(what, detail), seen }
  const hint = hints[first.outcome] ?? 'See that the address is this machine’s.'
  const finding =
    wrong.length < seen.length
      ? warning(what, 'PORT_PARTLY', detail, `Some cannot get in. ${hint}`)
      : bad(what, 'PORT_CLOSED', detail, hint)
  return { ...finding, seen }
}

const closed = (port: string): Port['hints'] => ({
  timeout: `A firewall drops it, here or at the provider: \`ufw allow ${port}\`, or have the router pass it on.`,
  refused: `Nothing listens there, or a firewall refuses: see that the router passes ${port} on to this machine.`,
  unreachable: 'The address in the DNS is not where this machine is, or there is no route to it.',
  other: 'Another program has the port, or the router passes it on to another machine.'
})

const ofHttps: Port['hints'] = {
  pod: 'The DNS or the proxy leads to another pod.',
  other: 'The proxy must pass on /.well-known/ and /pks/ to the pod.',
  'certificate-name': 'Take a certificate for the hostname of the pod.',
  'certificate-expired': 'Renew the certificate, and see that the clocks are right.',
  certificate: 'Give the whole chain, of an authority that browsers trust.'
}
