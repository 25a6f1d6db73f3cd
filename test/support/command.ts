import assert from 'node:assert/strict'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buffer, text } from 'node:stream/consumers'
import { packageRoot } from '../../src/config/package-root.ts'

const bin = join(packageRoot, 'bin/muttr.js')

export interface CommandEnd {
  status: number | null
  stdout: Buffer
  stderr: string
}

/** What a command printed as JSON; a test looks at the fields it is about. */
// biome-ignore lint/suspicious/noExplicitAny: the shapes are those of src/client/client.ts, checked field by field
export type Printed = any

interface CommandOptions {
  stdin?: string | Uint8Array
  env?: NodeJS.ProcessEnv
}

/** A `muttr` process, with nothing of our environment but the path. */
export const startMuttr = (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {}
): ChildProcessWithoutNullStreams =>
  spawn(process.execPath, [bin, ...args], { env: { PATH: process.env.PATH, ...env } })

/** Runs one command in a process of its own to its end. */
export async function runMuttr(
  args: readonly string[],
  { stdin = '', env }: CommandOptions = {}
): Promise<CommandEnd> {
  const child = startMuttr(args, env)
  child.stdin.on('error', () => {}).end(stdin)
  const [stdout, stderr, [status]] = await Promise.all([
    buffer(child.stdout),
    text(child.stderr),
    once(child, 'close')
  ])
  return { status, stdout, stderr }
}

/** Runs a command that must succeed. @returns what it printed with `--json`, an object per line. */
export async function resultsOf(
  args: readonly string[],
  options: CommandOptions = {}
): Promise<Printed[]> {
  const { status, stdout, stderr } = await runMuttr([...args, '--json'], options)
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
  return stdout.toString().split('\n').filter(Boolean).map(objectOf)
}

/** Runs a command that must fail. @returns its exit status and its error's code. */
export async function refusalOf(
  args: readonly string[],
  options: CommandOptions = {}
): Promise<[number | null, string]> {
  const { status, stdout, stderr } = await runMuttr([...args, '--json'], options)
  assert.equal(stdout.toString(), '', args.join(' '))
  assert.match(stderr, /^\{"error":\{"code":"[A-Z_]+","message":".*","hint":".*"\}\}\n$/)
  return [status, JSON.parse(stderr).error.code]
}

/** The first lines that a process prints, as objects. @throws when it ends before. */
export async function firstLines(
  child: ChildProcessWithoutNullStreams,
  count: number
): Promise<Printed[]> {
  const lines: Printed[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(objectOf(line))
    if (lines.length === count) return lines
  }
  throw new Error(`ended after ${lines.length} lines: ${await text(child.stderr)}`)
}

/** Resolves when a process that need not be our child has ended. */
export async function goneProcess(pid: number): Promise<void> {
  const watcher = spawn('tail', [`--pid=${pid}`, '-s', '0.05', '-f', '/dev/null'])
  await once(watcher, 'exit')
}

const objectOf = (line: string): Printed => JSON.parse(line)
