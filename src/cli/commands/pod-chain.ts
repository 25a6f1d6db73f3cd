import type { Command } from 'commander'
import { limits } from '../../base/limits.ts'
import type { Parent } from '../../pod/chain.ts'
import { example } from '../example.ts'
import { readInput } from '../input.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line, pairs } from '../text.ts'
import { formatTime, grouped, parseDuration, usage } from '../units.ts'

/** The pod of a domain vouches for those of its subdomains. */
export function addPodChain(pod: Command, action: Action): void {
  example(
    pod
      .command('certify')
      .description('give the word of this pod for the pod of a subdomain: for its operator')
      .argument('<file>', 'its certificate, as its .well-known/muttr/certificate.asc shows it')
      .option('--expires <duration>', 'how long it holds; 365d unless told')
      .action(action(certify)),
    'muttr pod certify eu.asc --home /srv/pod > eu-certified.asc'
  )
  example(
    pod
      .command('parent')
      .description('the pod of a domain above that vouches for this one')
      .argument('[file]', 'what its `muttr pod certify` gave: shown to everybody from now on')
      .option('--remove', 'show it no more')
      .action(action(parent)),
    'muttr pod parent eu-certified.asc --home /srv/eu',
    'muttr pod parent --remove --home /srv/eu'
  )
}

async function read({ stdin, signal }: Session, file: string): Promise<string> {
  const maxBytes = 3 * limits.certificateBytesMax
  const bytes = await readInput(file, stdin, { maxBytes, code: 'KEY_INVALID', signal })
  return Buffer.from(bytes).toString('latin1')
}

async function certify(
  session: Session,
  { expires }: { expires?: string },
  file: string
): Promise<void> {
  const { out } = session
  const lifeMs = expires === undefined ? {} : { lifeMs: parseDuration(expires) }
  const certificate = await read(session, file)
  await session.withPod(async (pod, by) => {
    const made = await pod.certify(certificate, { ...lifeMs, by })
    await out.result(made, () => made.certificates.trimEnd())
    const { hostname, fingerprint, untilMs } = made
    out.note(
      `Certified until ${formatTime(untilMs, out.nowMs)}: ${line(hostname)}, ${grouped(fingerprint)}. Compare the fingerprint with its operator before you hand this over; they show it by \`muttr pod parent FILE\`.`
    )
  })
}

async function parent(
  session: Session,
  { remove = false }: { remove?: boolean },
  file?: string
): Promise<void> {
  if (remove && file !== undefined) throw usage('a file, or --remove: not both')
  const { out } = session
  const certificates = file === undefined ? undefined : await read(session, file)
  await session.withPod(async (pod, by) => {
    if (remove) {
      await pod.removeParent({ by })
      return await out.result({ parent: null }, () => 'Shown no more.')
    }
    const shown =
      certificates === undefined ? await pod.parent() : await pod.setParent(certificates, { by })
    await out.result({ parent: shown }, out => parentText(out, shown))
  })
}

function parentText({ style, nowMs }: Output, shown: Parent | null): string {
  if (!shown) return 'No pod above vouches for this one.'
  return pairs(style, [
    ['parent', shown.hostname],
    ['fingerprint', grouped(shown.fingerprint)],
    ['until', formatTime(shown.untilMs, nowMs)]
  ])
}
