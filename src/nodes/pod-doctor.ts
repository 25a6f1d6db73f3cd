import { readFile, statfs } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { connectDaemon } from '../api/file.ts'
import type { PodOperator } from '../api/operator.ts'
import { failureOf } from '../base/failure.ts'
import type { Failure, PeerId } from '../base/ports.ts'
import type { Check, Status } from '../client/client.ts'
import { readCertificate } from '../keys/certificate.ts'
import { systemClock as clock } from '../net/clock.ts'
import { createNames } from '../net/names.ts'
import { systemRandom as random } from '../net/random.ts'
import { createWeb } from '../net/web.ts'
import type { PortsView } from '../pod/federation/ports.ts'
import type { Finding, Seen } from '../pod/health.ts'
import {
  bad,
  judgeDisk,
  judgeDns,
  judgeDoor,
  judgeMemory,
  judgeNetwork,
  judgePage
} from '../pod/health.ts'
import { judgePorts } from '../pod/health-ports.ts'
import { podService } from '../wire/pod-dns.ts'
import { decodeWellKnown, wellKnownBytesMax, wellKnownPath } from '../wire/well-known.ts'
import type { Home } from './home.ts'
import { readHome } from './home.ts'
import { mustBePod, recordsOf } from './init-pod.ts'

/** Looks at everything a pod needs, from where it runs; most of it also while it does not. As `Doors.examinePod`. */
export async function examinePod(folder: string, signal: AbortSignal): Promise<Finding[]> {
  await mustBePod(folder)
  const home = await readHome(folder)
  const { hostname } = home.config.pod!
  await using remote = await connectDaemon(folder, { random, clock, signal })
  const status = await remote?.status()
  const checks = (await remote?.doctor({ signal })) ?? []
  const { bavail, blocks, bsize } = await statfs(folder)
  const door = status?.node.door ?? null
  return [
    ...(status ? [] : [down]),
    ...checks.filter(({ name }) => !examinedHere.has(name)).map(fromCheck),
    ...judgeDns(recordsOf(home), await seenOf(hostname, signal), await siblingsOf(remote?.pod)),
    ...(status ? judgeDoor(door, clock.now()) : []),
    // Without a certificate no handshake ends; that there is none was said.
    ...(door && (door.mode === 'proxy' || door.untilMs !== null)
      ? [judgePage(home.certificate!.fingerprint, await pageOf(home, signal))]
      : []),
    ...(remote?.pod
      ? judgePorts(home.certificate!.fingerprint, await portsOf(remote.pod, signal))
      : []),
    judgeDisk({ freeBytes: bavail * bsize, totalBytes: blocks * bsize }),
    judgeMemory(await memory()),
    ...(status ? [judgeNetwork({ ...home.network.parameters, nodes: nodesOf(status) })] : []),
    {
      what: 'version',
      level: 'good',
      code: null,
      detail: `Node.js ${process.versions.node}`,
      hint: null
    }
  ]
}

const down = bad('pod', 'POD_DOWN', 'it does not run', 'Start it with `muttr pod up`.')

/** What `muttr doctor` says of a person's node, or with other bounds. */
const examinedHere: ReadonlySet<string> = new Set(['disk', 'network', 'outbox', 'pod'])

const fromCheck = ({ name, ok, detail, hint }: Check): Finding => ({
  what: name,
  level: ok ? 'good' : 'bad',
  code: ok ? null : 'NODE_CHECK',
  detail,
  hint
})

/** An estimate where there is one; in a small network everybody is known. */
const nodesOf = ({ known, node }: Status): number =>
  Math.max(node.admission.networkSize ?? 0, known + 1)

async function seenOf(hostname: string, signal: AbortSignal): Promise<Seen | Failure> {
  const names = createNames({ random })
  const service = podService(hostname)
  try {
    const [addresses, services, texts] = await Promise.all([
      names.addresses(hostname, signal),
      names.services(service, signal),
      names.texts(service, signal)
    ])
    return { addresses, services, texts }
  } catch (err) {
    return failureOf(err)
  }
}

/** A pod that cannot say is taken for one process. */
const siblingsOf = async (pod: PodOperator | undefined): Promise<PeerId[]> =>
  (await pod?.processes().catch(() => []))?.flatMap(({ peer, isThis }) => (isThis ? [] : [peer])) ??
  []

/** Who answers at the pod's own name. */
async function pageOf(home: Home, signal: AbortSignal): Promise<string | undefined | Failure> {
  const { connections, pod } = home.config
  const web = createWeb({ allowLocal: connections.groupLocal })
  try {
    const url = `https://${pod!.hostname}${wellKnownPath}`
    const bytes = await web.get(url, { maxBytes: wellKnownBytesMax, signal })
    if (!bytes) return undefined
    return (await readCertificate(decodeWellKnown(bytes).hello.certificate)).fingerprint
  } catch (err) {
    return failureOf(err)
  }
}

async function portsOf(pod: PodOperator, signal: AbortSignal): Promise<PortsView | Failure> {
  try {
    return await pod.ports({ signal })
  } catch (err) {
    return failureOf(err)
  }
}

/** What programs can still have; and less where a unit or a container is given less. */
export async function memory(): Promise<{ freeBytes: number; totalBytes: number }> {
  const totalBytes = Math.min(totalmem(), process.constrainedMemory() || totalmem())
  const said = await readFile('/proc/meminfo', 'utf8').catch(() => '')
  const availableKb = /^MemAvailable:\s+(\d+) kB/m.exec(said)?.[1]
  const freeBytes = availableKb === undefined ? freemem() : Number(availableKb) * 1024
  return { freeBytes: Math.min(freeBytes, totalBytes), totalBytes }
}
