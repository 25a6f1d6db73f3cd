import { createReadStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import type { Client } from '../../client/client.ts'
import { mboxEntry, messagesOf, tooLarge } from '../../client/mailbox/mbox.ts'
import { example } from '../example.ts'
import { listMax } from '../ids.ts'
import type { Action } from '../program.ts'
import { saveNew } from '../save.ts'
import type { Session } from '../session.ts'
import { line, table } from '../text.ts'
import { formatTime, parseCount, shortId, usage } from '../units.ts'

/** A message of a file that is taken in, with its files. */
const messageBytesMax = 32 * 1_024 * 1_024
/** Messages are handed over together up to so much. */
const batchBytes = 4 * 1_024 * 1_024

export function addMailbox(program: Command, action: Action): void {
  program.commandsGroup('Mailbox:')
  example(
    program
      .command('search')
      .description('letters that have all of these words, or words that begin so; newest first')
      .argument('<words...>', 'what to look for: text, subjects, aliases')
      .option('--limit <count>', 'at most so many')
      .action(action(search)),
    'muttr search lunch bob'
  )
  example(
    program
      .command('archive')
      .description('put the conversation of a letter away; a new letter brings it back')
      .argument('<id>', 'a received letter, or the beginning of its id')
      .option('--undo', 'bring it back now')
      .action(action(archive)),
    'muttr archive 3fa9c2d1'
  )
  example(
    program
      .command('label')
      .description('give the conversation of a letter labels, or take them away')
      .argument('<id>', 'a received letter, or the beginning of its id')
      .argument('<labels...>', 'each one line of at most 64 characters')
      .option('--remove', 'take them away')
      .action(action(label)),
    'muttr label 3fa9c2d1 work'
  )
  example(
    program
      .command('delete')
      .description('delete a received letter for good; with --sent one of yours that is over')
      .argument('<id>', 'its id, or the beginning of it; with --sent the whole id')
      .option('--sent', 'a letter that you sent')
      .action(action(remove)),
    'muttr delete 3fa9c2d1'
  )
  example(
    program
      .command('export')
      .description('write all letters to one mailbox file, or to a folder with a file for each')
      .option('--mbox <file>', 'as one file that mail programs read')
      .option('--eml <folder>', 'as a folder of messages')
      .action(action(exportAll)),
    'muttr export --mbox letters.mbox',
    'muttr export --eml letters'
  )
  example(
    program
      .command('import')
      .description('take in a mailbox file or a message; all of it is shown as imported')
      .argument('<file>', 'an mbox or eml file')
      .action(action(importFile)),
    'muttr import old-mail.mbox'
  )
}

async function search(
  session: Session,
  options: { limit?: string },
  words: string[]
): Promise<void> {
  const limit = options.limit === undefined ? {} : { limit: parseCount(options.limit, 1, listMax) }
  const found = await session.withClient(client => client.search(words.join(' '), limit))
  await session.out.results(found, out =>
    found.length === 0
      ? 'Nothing found.'
      : table({
          ...out,
          heads: ['ID', '', 'WITH', 'WHEN', 'SUBJECT', 'SAYS'],
          rows: found.map(one => [
            shortId(one.id),
            one.direction === 'in' ? '' : '→',
            one.with.join(', '),
            formatTime(one.atMs, out.nowMs),
            one.subject,
            one.snippet
          ])
        })
  )
}

async function archive(session: Session, { undo }: { undo?: boolean }, id: string): Promise<void> {
  const done = await session.withClient(client =>
    client.changeConversation(id, { archived: undo !== true })
  )
  await session.out.result(
    done,
    () => `${done.archived ? 'Archived' : 'Back'}: ${line(done.subject) || 'no subject'}`
  )
}

async function label(
  session: Session,
  options: { remove?: boolean },
  id: string,
  labels: string[]
): Promise<void> {
  const change = options.remove ? { remove: labels } : { add: labels }
  const done = await session.withClient(client => client.changeConversation(id, { label: change }))
  await session.out.result(
    done,
    () => `${line(done.subject) || 'no subject'}: ${line(done.labels.join(', ')) || 'no labels'}`
  )
}

async function remove(session: Session, options: { sent?: boolean }, id: string): Promise<void> {
  const done = await session.withClient(client =>
    options.sent ? client.deleteSent(id) : client.deleteReceived(id)
  )
  await session.out.result(done, () => `Deleted ${shortId(done.deleted)}.`)
}

async function exportAll(
  session: Session,
  { mbox, eml }: { mbox?: string; eml?: string }
): Promise<void> {
  if ((mbox === undefined) === (eml === undefined)) throw usage('give either --mbox or --eml')
  const letters = await session.withClient(client =>
    mbox === undefined ? toFolder(client, eml!) : toFile(client, mbox)
  )
  const where = mbox ?? eml!
  await session.out.result({ letters, to: where }, () => `${letters} letters in ${line(where)}.`)
}

async function toFile(client: Client, file: string): Promise<number> {
  await saveNew(file, client.exportLetters())
  let letters = 0
  for await (const _ of messagesOf(createReadStream(file), messageBytesMax)) letters++
  return letters
}

async function toFolder(client: Client, folder: string): Promise<number> {
  await mkdir(folder, { mode: 0o700, recursive: true })
  let letters = 0
  for await (const message of messagesOf(client.exportLetters(), messageBytesMax)) {
    if (message === tooLarge) continue
    await saveNew(join(folder, `${String(++letters).padStart(6, '0')}.eml`), [message])
  }
  return letters
}

async function importFile(session: Session, _: unknown, file: string): Promise<void> {
  const total = { imported: 0, known: 0, refused: 0, filesLeftOut: 0 }
  await session.withClient(async client => {
    let batch: Uint8Array[] = []
    let sizeBytes = 0
    const send = async () => {
      if (batch.length === 0) return
      const report = await client.importLetters(Buffer.concat(batch), { signal: session.signal })
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += report[key]
      batch = []
      sizeBytes = 0
    }
    for await (const message of messagesOf(createReadStream(file), messageBytesMax)) {
      if (message === tooLarge) {
        total.refused++
        continue
      }
      const entry = mboxEntry(Buffer.from(message).toString('latin1'), 0, 'latin1')
      if (sizeBytes + entry.byteLength > batchBytes) await send()
      batch.push(entry)
      sizeBytes += entry.byteLength
    }
    await send()
  })
  await session.out.result(total, () => {
    const { imported, known, refused, filesLeftOut } = total
    const files = filesLeftOut === 0 ? '' : ` ${filesLeftOut} files in them were left out.`
    return `${imported} imported, ${known} here already, ${refused} refused.${files}`
  })
}
