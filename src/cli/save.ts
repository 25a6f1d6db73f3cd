import { link, open, unlink } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { MuttrError } from '../base/errors.ts'
import { usage } from './units.ts'

/** So many files of one name in a folder; then something else is wrong. */
const namesMax = 1_000

/**
 * Writes a file whole or not at all, never over another and never outside of the folder.
 * @param name a single name, as the client cleans it.
 * @returns where it is.
 * @throws {MuttrError} `DISK_FULL`, `DISK_FAILED`, `USAGE` for a folder that is none
 */
export async function saveFile(
  folder: string,
  name: string,
  content: AsyncIterable<Uint8Array>
): Promise<string> {
  return drafted(folder, name, content, draft => named(draft, folder, name))
}

/**
 * Writes a file of this name whole or not at all, for its owner alone; it is on the disk when this resolves.
 * @throws {MuttrError} `OUTPUT_EXISTS` rather than write over anything; `DISK_FULL`, `DISK_FAILED`, `USAGE` for a folder that is none
 */
export async function saveNew(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
): Promise<void> {
  await drafted(dirname(path), basename(path), content, async draft => {
    try {
      await link(draft, path)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(cause, path)
      throw new MuttrError('OUTPUT_EXISTS', `${path} is there already`, {
        cause,
        hint: 'Name another one.'
      })
    }
  })
}

/** Writes beside the place where it shall be, and has it named when all of it is on the disk. */
async function drafted<T>(
  folder: string,
  name: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  publish: (draft: string) => Promise<T>
): Promise<T> {
  const draft = join(folder, `.${name}.${process.pid}.part`)
  const file = await open(draft, 'wx', 0o600).catch(err => {
    if (err.code === 'ENOENT' || err.code === 'ENOTDIR') throw usage(`${folder} is not a folder`)
    throw unwritable(err, folder)
  })
  try {
    for await (const piece of content) await file.writeFile(piece).catch(failAs(folder))
    await file.sync().catch(failAs(folder))
    return await publish(draft)
  } finally {
    await file.close()
    await unlink(draft).catch(() => undefined)
  }
}

/** `film.mp4`, else `film (2).mp4`, … */
async function named(draft: string, folder: string, name: string): Promise<string> {
  const ending = extname(name)
  const stem = name.slice(0, name.length - ending.length)
  for (let n = 1; n <= namesMax; n++) {
    const target = join(folder, n === 1 ? name : `${stem} (${n})${ending}`)
    try {
      await link(draft, target)
      return target
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(err, folder)
    }
  }
  throw usage(`${folder} has ${namesMax} files called ${name}`)
}

const failAs = (folder: string) => (err: unknown) => {
  throw unwritable(err, folder)
}

function unwritable(err: unknown, folder: string): MuttrError {
  const { code, message } = err as NodeJS.ErrnoException
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  return new MuttrError(isFull ? 'DISK_FULL' : 'DISK_FAILED', `${folder}: ${message}`, {
    cause: err
  })
}
