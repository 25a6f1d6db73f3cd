import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { MuttrEvent } from '../base/events.ts'
import { limits } from '../base/limits.ts'
import type { Caps, Ready, RunOptions } from './doors.ts'
import type { Output } from './output.ts'
import { OutputClosed } from './output.ts'
import type { Session } from './session.ts'
import { line, pairs } from './text.ts'
import { parseBytes, shortId } from './units.ts'

export interface DaemonOptions {
  /** Print events too. */
  events?: boolean
  /** End when standard input does: for a parent process, so that no child is left when it is killed. */
  followStdin?: boolean
  /** With {@link followStdin}: a folder to remove at the end when the parent could not do it any more. */
  orphanRemoves?: string
  light?: boolean
  storeCap?: string
  upCap?: string
  downCap?: string
  traceOut?: string
  /** Leave the key locked: the page opens it. */
  locked?: boolean
  /** Open the page in a browser. */
  open?: boolean
}

/** The options that every daemon takes. */
export const addDaemonOptions = (command: Command): Command =>
  command
    .option('--events', 'also print what happens, as it happens')
    .option('--open', 'open the web page in your browser')
    .option('--light', 'for a battery or a metered link: fewer connections, less stored, slower')
    .option('--store-cap <size>', 'store at most so much for others, as in 2GiB')
    .option('--up-cap <size>', 'send at most so much a second, as in 512KiB')
    .option('--down-cap <size>', 'receive at most so much a second, as in 2MiB')
    .option(
      '--trace-out <dir>',
      'for researchers: when neighbours were there (under names that lead to nobody), counts of requests, times of answers'
    )
    .addOption(new Option('--follow-stdin', 'end when standard input ends').hideHelp())
    .addOption(new Option('--orphan-removes <folder>', 'remove it when that ended us').hideHelp())

interface DaemonParts extends DaemonOptions {
  run(options: RunOptions): Promise<void>
}

/** Runs a seed or a pod in the foreground until Ctrl-C, or until nobody reads what it prints. */
export async function runDaemon(
  session: Session,
  { events, open: opens, locked, followStdin, orphanRemoves, run, ...given }: DaemonParts
): Promise<void> {
  const caps = capsOf(given)
  const { out, home, open } = session
  if (caps.traceFolder !== undefined)
    out.note(
      `A trace for researchers is written to ${line(caps.traceFolder)}: no keys, ids or addresses, but who knows the network may guess who your neighbours are.`
    )
  const closed = new AbortController()
  const signal = AbortSignal.any([open.signal, closed.signal])
  const onBroken = (err: unknown) => closed.abort(err)
  if (followStdin) session.stdin.resume().once('close', () => closed.abort(new OutputClosed()))
  await run({
    ...open,
    signal,
    home,
    ...(Object.keys(caps).length > 0 && { caps }),
    ...(locked && { locked }),
    onReady: ready => {
      out.result({ ready: true, ...ready }, out => readyText(out, ready)).catch(onBroken)
      out.note('Ctrl-C stops it.')
      if (opens) void openPage(session, ready.page)
    },
    emit: event => {
      if (events) out.result(event, () => eventText(event)).catch(onBroken)
    }
  })
  if (!closed.signal.aborted) return
  if (!(closed.signal.reason instanceof OutputClosed)) throw closed.signal.reason
  // Siblings may still be writing there; the last of us to end finds nobody any more.
  if (orphanRemoves !== undefined && !open.signal.aborted)
    await rm(orphanRemoves, { recursive: true, force: true, maxRetries: 10 })
}

function capsOf({ light, storeCap, upCap, downCap, traceOut }: DaemonOptions): Caps {
  const size = (text: string | undefined, least: number) =>
    text === undefined ? undefined : parseBytes(text, least)
  const [storeBytes, upBytesPerSecond, downBytesPerSecond] = [
    size(storeCap, 1),
    size(upCap, limits.bandwidthMin),
    size(downCap, limits.bandwidthMin)
  ]
  return {
    ...(light && { light }),
    ...(traceOut !== undefined && { traceFolder: resolve(traceOut) }),
    ...(storeBytes !== undefined && { storeBytes }),
    ...(upBytesPerSecond !== undefined && { upBytesPerSecond }),
    ...(downBytesPerSecond !== undefined && { downBytesPerSecond })
  }
}

async function openPage(session: Session, url: string): Promise<void> {
  const doors = await session.doors()
  await doors.openPage(session.home, url).catch(err => session.out.note(line(`${err.message}`)))
}

function readyText({ style, screen }: Output, ready: Ready): string {
  const { name, role, home } = ready
  // What a service prints is kept in the machine's journal, and this address lets in whoever reads it.
  const page = role === 'pod' && !screen ? '`muttr page --print` shows its address' : ready.page
  if (name === null)
    return `${style.good('●')} Nothing is set up in ${line(home)} yet. Go on in your browser:\n${pairs(style, [['page', page]])}`
  return `${style.good('●')} ${style.bold(line(name))} is up, a ${role}.\n${pairs(style, [
    ['home', home],
    ['addresses', ready.addresses.length > 0 ? ready.addresses : 'none'],
    ['local API', ready.api],
    ['aliases', ready.aliases.join(', ') || 'none yet'],
    ['page', page]
  ])}`
}

/** `stored key=3fa9c2d1 copies=8`: what happened, long ids cut. */
function eventText({ type, ...fields }: MuttrEvent): string {
  const told = Object.entries(fields).map(
    ([name, value]) =>
      `${name}=${line(/^[0-9a-f]{40,}$/.test(String(value)) ? shortId(String(value)) : String(value))}`
  )
  return [type, ...told].join(' ')
}
