import { parseArgs } from 'node:util'
import { benchAbsence } from './absence.ts'
import { benchAttachment } from './attachment.ts'
import { benchAttack } from './attack.ts'
import { benchAttackNodes } from './attack-nodes.ts'
import { benchDeaths } from './deaths.ts'
import { benchDht } from './dht.ts'
import { benchFlood } from './flood.ts'
import { benchIdle } from './idle.ts'
import { benchIdlePeople } from './idle-people.ts'
import { benchLetters } from './letters.ts'
import { benchMailbox } from './mailbox.ts'
import { benchMicro } from './micro.ts'
import { benchNewPod } from './new-pod.ts'
import { benchNewcomer } from './newcomer.ts'
import { benchCatchUp, benchNotices } from './notices.ts'
import { benchPage } from './page.ts'
import { benchPodTransfer } from './pod-transfer.ts'
import { benchStamp } from './stamp.ts'
import type { SystemName } from './systems.ts'
import { systemNames } from './systems.ts'
import type { Row } from './table.ts'
import { printRows } from './table.ts'
import { withRoundTrip } from './with-round-trip.ts'

type Run = (rounds: number, systems: readonly SystemName[] | undefined) => Promise<Row[]>

/**
 * `npm run bench`: everything, which takes long: 200 nodes alone take minutes to start. `npm run bench -- [--json] [--rounds N]
 * [--systems A,B] NAME…` for some of it; the systems are for the benches of a DHT. Rivals run in the same run, in processes of their own,
 * taking turns with ours. Figures compare within one run, never between two.
 */
const benches: Record<string, { what: string; run: Run }> = {
  dht50: {
    what: 'puts and gets of 1 KiB, 50 nodes that all know each other',
    run: (rounds, systems = ['muttr', 'hyperdht', 'bittorrent-dht']) =>
      benchDht({ label: '50 nodes', nodes: 50, rounds, count: 100, systems })
  },
  dht200: {
    what: 'the same, 200 nodes with at most 24 connections each',
    run: (rounds, systems = ['muttr-24', 'muttr-24-dial', 'hyperdht']) =>
      benchDht({ label: '200 nodes', nodes: 200, rounds, count: 60, systems })
  },
  'dht50-rtt': {
    what: 'dht50 with a round trip of 50 ms',
    run: (rounds, systems) => withRoundTrip('dht50', rounds, systems)
  },
  'dht200-rtt': {
    what: 'dht200 with a round trip of 50 ms, without the one that dials, which takes too long to start there',
    run: (rounds, systems = ['muttr-24', 'hyperdht']) => withRoundTrip('dht200', rounds, systems)
  },
  deaths: {
    what: 'the oldest 30 % of 50 nodes die at once and are replaced, a round each; 1,000 blobs whose publisher is gone',
    run: benchDeaths
  },
  letter: { what: 'from send to opened, two people online, one pod, six seeds', run: benchLetters },
  'letter-rtt': {
    what: 'letter with a round trip of 50 ms',
    run: rounds => withRoundTrip('letter', rounds)
  },
  attachment: {
    what: "a file of 100 MiB over 20 nodes, out and in, and both ends' memory",
    run: rounds => benchAttachment(rounds, 100)
  },
  'attachment-256m': {
    what: 'the same with 256 MiB',
    run: rounds => benchAttachment(rounds, 256)
  },
  'attachment-1g': {
    what: 'the same with 1 GiB, which takes 6 GiB of disk meanwhile',
    run: rounds => benchAttachment(rounds, 1_024)
  },
  absence: {
    what: 'five thousand letters that came while somebody was away',
    run: benchAbsence
  },
  mailbox: {
    what: 'ten thousand letters at rest: taken in, listed, opened, searched',
    run: benchMailbox
  },
  page: {
    what: 'the web page in Chromium before ten thousand letters: loaded, scrolled, one long conversation',
    run: benchPage
  },
  newcomer: {
    what: 'from npm install to the first letter, by the join link of a friend; fetches the packages from the registry once',
    run: benchNewcomer
  },
  'new-pod': {
    what: 'from npm install to the first alias at a pod of one’s own; a network of six seeds runs already',
    run: benchNewPod
  },
  'pod-transfer': {
    what: 'notices that one pod takes from another, one by one and in transfers',
    run: benchPodTransfer
  },
  micro: {
    what: 'sealing, checking and signing, without a network (p99 for p95)',
    run: benchMicro
  },
  attack: {
    what: 'letters found among hostile seeds, in virtual time (another world each round)',
    run: benchAttack
  },
  'attack-nodes': {
    what: 'the same with 30 real seeds, and a key for which 20 ids are minted',
    run: benchAttackNodes
  },
  flood: {
    what: 'one peer puts all it can into one seed, and seven others go on with their work',
    run: benchFlood
  },
  stamp: { what: 'the work that storing takes', run: benchStamp },
  'idle-people': {
    what: 'what people cost a pod who only wait, over WebSockets and over libp2p, beside Prosody',
    run: benchIdlePeople
  },
  notices: {
    what: 'notices in and pushed out, beside Postfix with Dovecot and Prosody; on PostgreSQL with one, two and four processes',
    run: benchNotices
  },
  'catch-up': {
    what: 'a hundred thousand notices that waited for somebody',
    run: benchCatchUp
  },
  idle: {
    what: 'memory and CPU of a seed with 20 neighbours, above a bare libp2p node',
    run: benchIdle
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    systems: { type: 'string' }
  }
})
const names = positionals.length > 0 ? positionals : Object.keys(benches)
const rounds = Number(values.rounds)
const systems = values.systems?.split(',') as SystemName[] | undefined
const isSystem = (name: SystemName) => systemNames.includes(name)
const unknown = names.filter(name => !Object.hasOwn(benches, name))
if (
  unknown.length > 0 ||
  systems?.every(isSystem) === false ||
  !Number.isSafeInteger(rounds) ||
  rounds < 1
) {
  console.error(
    `usage: npm run bench -- [--json] [--rounds N] [--systems ${systemNames.join()}] [${Object.keys(benches).join(' | ')}]…`
  )
  process.exit(1)
}
for (const name of names) {
  const bench = benches[name]!
  console.error(`${name}: ${bench.what}`)
  printRows(await bench.run(rounds, systems), values.json)
}
