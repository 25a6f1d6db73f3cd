import { open } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { MuttrError } from '../base/errors.ts'
import type { MuttrEvent } from '../base/events.ts'
import { limits } from '../base/limits.ts'
import type { Millis } from '../base/ports.ts'
import { attachmentCost } from '../client/attachments/cost.ts'
import type { Client } from '../client/client.ts'
import type { Session } from './session.ts'
import { line } from './text.ts'
import { formatBytes, formatDuration, usage } from './units.ts'

const types: Record<string, string> = {
  csv: 'text/csv',
  eml: 'message/rfc822',
  gif: 'image/gif',
  gz: 'application/gzip',
  html: 'text/html',
  ics: 'text/calendar',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  md: 'text/markdown',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  pdf: 'application/pdf',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain',
  webp: 'image/webp',
  zip: 'application/zip'
}

/** By the ending of its name alone. */
const typeOf = (path: string): string =>
  types[extname(path).slice(1).toLowerCase()] ?? 'application/octet-stream'

type Transfer = Extract<MuttrEvent, { type: 'transfer' }>
/** Events come at most three a second: every seventh is told, and each change. */
const toldEvery = 7

/** `report.pdf: storing 34 % of 1.2 GiB, 4.2 MiB a second, 3 min left` */
function transferText(name: string, event: Transfer): string {
  const { state, doneBytes, sizeBytes, bytesPerSecond, remainingMs } = event
  const share = sizeBytes === 0 ? 100 : Math.floor((100 * doneBytes) / sizeBytes)
  const speed = bytesPerSecond === null ? [] : [`${formatBytes(bytesPerSecond)} a second`]
  const left = remainingMs === null ? [] : [`${formatDuration(remainingMs)} left`]
  const how = `${state} ${share} % of ${formatBytes(sizeBytes)}`
  return `… ${line(name)}: ${[how, ...speed, ...left].join(', ')}`
}

/** Tells on standard error how transfers go, until `follow` says that it has seen what it waited for, or `signal` aborts. */
export async function tellTransfers(
  { out }: Pick<Session, 'out'>,
  events: AsyncIterable<MuttrEvent>,
  nameOf: (event: Transfer) => string | undefined,
  follow: (event: MuttrEvent) => boolean
): Promise<void> {
  const seen = new Map<string, { state: string; times: number }>()
  for await (const event of events) {
    const name = event.type === 'transfer' ? nameOf(event) : undefined
    if (event.type === 'transfer' && name !== undefined) {
      const key = `${event.id} ${event.index}`
      const last = seen.get(key)
      const times = last?.state === event.state ? last.times + 1 : 0
      seen.set(key, { state: event.state, times })
      if (times % toldEvery === 0) out.note(transferText(name, event))
    }
    if (follow(event)) return
  }
}

export interface AttachedFiles {
  ids: string[]
  names: Map<string, string>
}

/** Seals files for a letter, one after the other, and says before what it will take. @throws {MuttrError} `USAGE` for what cannot be read */
export async function attachFiles(
  session: Session,
  client: Client,
  paths: readonly string[],
  { lifeMs = limits.blobLifeMsDefault, via }: { lifeMs?: Millis; via?: string | undefined }
): Promise<AttachedFiles> {
  if (paths.length > limits.letterAttachmentsMax)
    throw usage(`${paths.length} files; a letter carries at most ${limits.letterAttachmentsMax}`)
  const { out, signal } = session
  const names = new Map<string, string>()
  for (const path of paths) {
    await using file = await open(path).catch(err => {
      throw usage(`${path} cannot be read: ${err.message}`)
    })
    const stat = await file.stat()
    if (!stat.isFile())
      throw usage(`${path} is not a file`, 'Put a folder into one file first, as with tar.')
    const { chunks, workMs, uploadBytes } = attachmentCost(stat.size, lifeMs)
    out.note(
      `${line(basename(path))}: ${formatBytes(stat.size)}, kept for ${formatDuration(lifeMs)}: ${chunks} chunks, ${formatBytes(uploadBytes)} to send, about ${formatDuration(workMs)} of one core for the stamps`
    )
    const source = file.createReadStream({ highWaterMark: 256 * 1_024, autoClose: false })
    const attached = await client.attach(source, {
      ...{ name: basename(path), type: typeOf(path), sizeBytes: stat.size, lifeMs, signal },
      ...(via !== undefined && { via })
    })
    names.set(attached.id, attached.name)
  }
  return { ids: [...names.keys()], names }
}

/** Waits until a letter's files are stored and the letter has gone, or waits for something else. Ctrl-C leaves that to the daemon. */
export async function waitForFiles(
  session: Session,
  events: AsyncIterable<MuttrEvent>,
  { names }: AttachedFiles,
  letter: string
): Promise<void> {
  const isOver = (event: MuttrEvent): boolean => {
    if (event.type === 'announced') return event.letter === letter
    if (event.type === 'waiting')
      return event.letter === letter && event.code !== 'ATTACHMENT_WAITING'
    return event.type === 'transfer' && names.has(event.id) && event.state === 'failed'
  }
  await tellTransfers(session, events, ({ id }) => names.get(id), isOver)
  if (session.signal.aborted)
    throw new MuttrError('CANCELLED', 'the files are still being stored', {
      hint: 'A running seed goes on with them; without one the next command does.'
    })
}
