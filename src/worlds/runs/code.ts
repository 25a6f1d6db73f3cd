import { readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { packageRoot } from '../../config/package-root.ts'

/** What a run depends on beside its scenario. */
export interface Code {
  version: string
  /** Of a clone; null in the package. Changes that are not committed do not show. */
  commit: string | null
  node: string
}

let known: Promise<Code> | undefined

/** Read once: what this process has loaded does not change when the clone does. */
export const thisCode = (): Promise<Code> => (known ??= readCode())

async function readCode(): Promise<Code> {
  const { version } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'))
  return { version, commit: await commitOf(join(packageRoot, '.git')), node: process.version }
}

/**
 * Read from the files, since git need not be installed.
 * @param git `.git` of a clone, or the file of that name in a worktree, which leads to a folder with its HEAD; the branches are where `commondir` says.
 */
export async function commitOf(git: string): Promise<string | null> {
  const linked = /^gitdir: (.+)$/.exec(await text(git))?.[1]
  const own = linked === undefined ? git : resolve(dirname(git), linked)
  const shared = resolve(own, (await text(join(own, 'commondir'))) || '.')
  const head = await text(join(own, 'HEAD'))
  const ref = /^ref: (\S+)$/.exec(head)?.[1]
  if (ref === undefined) return commitIn(head)
  const loose = commitIn(await text(join(shared, ref)))
  const packed = await text(join(shared, 'packed-refs'))
  return loose ?? commitIn(packed.split('\n').find(line => line.endsWith(` ${ref}`)) ?? '')
}

const text = (file: string) =>
  readFile(file, 'utf8').then(
    read => read.trim(),
    () => ''
  )
const commitIn = (line: string) => /^[0-9a-f]{40}/.exec(line)?.[0] ?? null

/** `0.1.0, commit 1c0bb52a, Node v24.21.0` */
export const describeCode = ({ version, commit, node }: Code): string =>
  [version, ...(commit ? [`commit ${commit.slice(0, 8)}`] : []), `Node ${node}`].join(', ')
