import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Journal } from '../cli/doors.ts'
import { openHome, unwritable, writeFileAtomic } from '../config/home.ts'
import { lockHome } from '../config/lock.ts'

/** Of so many letters it is remembered that they were dealt with: as many as a list shows at once. */
const keptMax = 10_000

/**
 * HOME/hooks/NAME/done: an id on each line, appended when a letter was dealt with. A line that a kill left half written is one letter
 * more. Errors as `Doors.openJournal`.
 */
export async function openJournal(home: string, name: string): Promise<Journal & AsyncDisposable> {
  await openHome(home)
  const folder = join(home, 'hooks', name)
  const path = join(folder, 'done')
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(err => {
    throw unwritable(err, folder)
  })
  await using stack = new AsyncDisposableStack()
  stack.use(await lockHome(folder))
  const before = await readFile(path, 'utf8').catch(() => null)
  const kept = (before ?? '').split('\n').filter(Boolean).slice(-keptMax)
  await writeFileAtomic(path, kept.map(id => `${id}\n`).join(''))
  const done = new Set(kept)
  const file = stack.use(await open(path, 'a', 0o600))
  const all = stack.move()
  return {
    isNew: before === null,
    has: id => done.has(id),
    async add(ids) {
      try {
        await file.appendFile(ids.map(id => `${id}\n`).join(''))
        await file.datasync()
      } catch (err) {
        throw unwritable(err, path)
      }
      for (const id of ids) done.add(id)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync()
  }
}
