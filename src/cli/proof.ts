import type { SignedBySeed, VerifiedProof } from '../client/verify-proof.ts'
import type { Output } from './output.ts'
import type { Pair, Style } from './text.ts'
import { line, pairs } from './text.ts'
import { formatTime, grouped } from './units.ts'

/** Who signed what, whom that convinces, and who could have made it up. The table is on docs/protocol/proof.md#what-each-state-rests-on */
export function proofText({ style, nowMs }: Output, proof: VerifiedProof): string {
  const time = (atMs: number) => formatTime(atMs, nowMs)
  const head = pairs(style, [
    ['letter', proof.letter],
    ['to', `${proof.to}  (the sender's word)`],
    ...(proof.fingerprint ? [['key', grouped(proof.fingerprint)] as const] : []),
    ...(proof.key ? [['stored under', proof.key] as const] : []),
    ...(proof.expiryMs === null ? [] : [['expires', time(proof.expiryMs)] as const]),
    ['state', proof.state]
  ])
  const parts = [stored, announced, withdrawn, accepted, asked].flatMap(part => part(proof, time))
  if (parts.length === 0) return `${head}\n\nIt proves nothing: the letter has not left its sender.`
  return [head, ...parts.map(part => section(style, part))].join('\n\n')
}

interface Part {
  title: string
  lines: Pair[]
}
type Time = (atMs: number) => string

const section = (style: Style, { title, lines }: Part): string =>
  `${style.bold(line(title))}\n${pairs(style, lines)}`

const seedsForger =
  'nobody else; but a peer id costs nothing, so these seeds may be the sender himself unless you know them'
const seedLines = (seeds: readonly SignedBySeed[], time: Time): string[] =>
  seeds.map(({ peer, atMs }) => `${peer} at ${time(atMs)}`)

function stored({ stored: seeds }: VerifiedProof, time: Time): Part[] {
  if (seeds.length === 0) return []
  return [
    {
      title: `Stored: ${seeds.length} seeds said that they hold it`,
      lines: [
        ['signed by', seedLines(seeds, time)],
        ['convinces', 'anybody, as far as these seeds are believed; not that they hold it now'],
        ['forged by', seedsForger]
      ]
    }
  ]
}

function announced({ announced: word }: VerifiedProof, time: Time): Part[] {
  if (!word) return []
  const { pod, peer, atMs, fingerprint, notice } = word
  const who: Pair[] = fingerprint
    ? [
        ['signed by', `the peer ${peer} at ${time(atMs)}`],
        ['', `which the certificate of ${pod} names as its own:`],
        ['', grouped(fingerprint)]
      ]
    : [['signed by', `the peer ${peer} at ${time(atMs)}; that it is ${pod} is the sender's word`]]
  return [
    {
      title: `Announced: ${pod} said that it took a notice; not that it delivered it`,
      lines: [
        ...who,
        ['notice', notice],
        [
          'convinces',
          `anybody who knows ${fingerprint ? 'that fingerprint' : 'that peer'} as the pod's`
        ],
        ['', 'That the notice is about this letter only the pod can tell: it is sealed to it.'],
        ['forged by', 'the pod']
      ]
    }
  ]
}

function accepted({ receipt, released }: VerifiedProof, time: Time): Part[] {
  if (receipt)
    return [
      {
        title: "Accepted: the reader's client opened it",
        lines: [
          [
            'signed by',
            `the key of ${receipt.userIds.join(', ') || 'the reader'}, opened ${time(receipt.atMs)}`
          ],
          ['', grouped(receipt.fingerprint)],
          ['convinces', "anybody who knows that fingerprint as the reader's; compare it with them"],
          ['', 'That the client opened it, not that a person read it.'],
          ['forged by', 'the reader, who may date it as it likes']
        ]
      }
    ]
  if (!released?.accept) return []
  return [
    {
      title: 'Released: a secret inside the letter was shown',
      lines: [
        ['signed by', 'nobody'],
        ['convinces', 'the sender alone'],
        ['forged by', 'the sender, who made that secret up']
      ]
    }
  ]
}

function withdrawn({ released }: VerifiedProof, time: Time): Part[] {
  if (!released?.retract) return []
  const seeds = released.by.filter(({ retract }) => retract)
  return [
    {
      title: `Withdrawn: the sender took it back, ${seeds.length} seeds said that they dropped it`,
      lines: [
        ['signed by', seeds.length === 0 ? ['nobody'] : seedLines(seeds, time)],
        ['convinces', 'anybody that the sender wanted it back: nobody else has that secret'],
        ['', 'Not that nobody read it before.'],
        ['forged by', `the sender; the words of the seeds by ${seedsForger}`]
      ]
    }
  ]
}

function asked({ asked: word }: VerifiedProof, time: Time): Part[] {
  if (!word) return []
  const { atMs, answered, wanted, holders } = word
  return [
    {
      title: `Asked at ${time(atMs)}: ${answered} of ${wanted} seeds answered, ${holders} had a copy`,
      lines: [
        ['signed by', 'nobody'],
        ['convinces', 'the sender alone'],
        ['forged by', 'the sender']
      ]
    }
  ]
}
