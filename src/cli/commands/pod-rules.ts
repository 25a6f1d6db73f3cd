import type { Command } from 'commander'
import type { ApplicationView } from '../../pod/office/applications.ts'
import { example } from '../example.ts'
import type { Output } from '../output.ts'
import type { Action } from '../program.ts'
import type { Session } from '../session.ts'
import { line, pairs, table } from '../text.ts'
import { formatTime, parseCount } from '../units.ts'

/** Who is let in, which names there are, and how much may be asked. */
export function addPodRules(pod: Command, action: Action): void {
  example(
    pod
      .command('requests')
      .description('who asks for an alias, where you approve of each')
      .action(action(requests)),
    'muttr pod requests --home /srv/pod'
  )
  const who = ['<who>', 'the alias asked for, or the beginning of the id'] as const
  example(
    pod
      .command('approve')
      .description('let somebody have the alias that they ask for')
      .argument(...who)
      .action(action(approve)),
    'muttr pod approve carol --home /srv/pod'
  )
  example(
    pod
      .command('refuse')
      .description('say no to somebody who asks for an alias')
      .argument(...who)
      .option('--reason <text>', 'as they are told')
      .action(action(refuse)),
    "muttr pod refuse carol --reason 'for members of the choir' --home /srv/pod"
  )
  const names = example(
    pod.command('names').description('names that nobody gets here').action(action(listNames)),
    'muttr pod names --home /srv/pod'
  )
  example(
    names
      .command('reserve')
      .description('keep names from everybody; who has one keeps it')
      .argument('<name...>', 'as mayor')
      .action(action(reserve)),
    'muttr pod names reserve mayor council --home /srv/pod'
  )
  example(
    names
      .command('allow')
      .description('let names be taken that nobody gets otherwise')
      .argument('<name...>', 'as postmaster')
      .action(action(allow)),
    'muttr pod names allow postmaster --home /srv/pod'
  )
  addRates(pod, action)
}

function addRates(pod: Command, action: Action): void {
  const rates = example(
    pod
      .command('rates')
      .description('how much may be asked: of one account, address, network, and of all')
      .action(action(listRates)),
    'muttr pod rates --home /srv/pod'
  )
  example(
    rates
      .command('set')
      .description('another rate, from now on')
      .argument('<rate>', 'as listed')
      .requiredOption('--burst <count>', 'so many at once')
      .requiredOption('--per-hour <count>', 'so many given back in an hour')
      .action(action(setRate)),
    'muttr pod rates set noticesPerAccount --burst 1000 --per-hour 3600 --home /srv/pod'
  )
  example(
    rates
      .command('reset')
      .description('the usual rate again')
      .argument('<rate>', 'as listed')
      .action(action(resetRate)),
    'muttr pod rates reset noticesPerAccount --home /srv/pod'
  )
}

const requests = ({ out, withPod }: Session): Promise<void> =>
  withPod(async pod => {
    const asked = await pod.requests()
    await out.results(asked, out => requestsText(out, asked))
  })

function requestsText(out: Output, asked: readonly ApplicationView[]): string {
  if (asked.length === 0) return 'Nobody asks for an alias.'
  return table({
    ...out,
    heads: ['ID', 'ALIAS', 'STATE', 'ASKED', 'UNTIL', 'NETWORK', 'NOTE'],
    rows: asked.map(({ account, alias, state, atMs, untilMs, network, note, reason }) => [
      account.slice(0, 8),
      alias,
      state,
      formatTime(atMs, out.nowMs),
      formatTime(untilMs, out.nowMs),
      network ?? '-',
      state === 'refused' && reason !== '' ? `${note} (refused: ${reason})` : note
    ])
  })
}

const approve = ({ out, withPod }: Session, _: object, who: string): Promise<void> =>
  withPod(async (pod, by) => {
    const approved = await pod.approve(who, { by })
    await out.result(
      approved,
      () => `${line(approved.alias)} is theirs as soon as their node asks again.`
    )
  })

const refuse = (
  { out, withPod }: Session,
  { reason = '' }: { reason?: string },
  who: string
): Promise<void> =>
  withPod(async (pod, by) => {
    const refused = await pod.refuse(who, { reason, by })
    await out.result(refused, () => `Refused: ${line(refused.alias)}.`)
  })

interface Names {
  always: readonly string[]
  reserved: readonly string[]
  allowed: readonly string[]
}
const namesText = ({ style }: Output, { always, reserved, allowed }: Names): string =>
  pairs(style, [
    ['nobody, anywhere', always.join(' ')],
    ['nobody here', reserved.join(' ') || 'no others'],
    ['allowed here', allowed.join(' ') || 'none of them']
  ])

const listNames = ({ out, withPod }: Session): Promise<void> =>
  withPod(async pod => {
    const names = await pod.names()
    await out.result(names, out => namesText(out, names))
  })
const reserve = ({ out, withPod }: Session, _: object, wanted: string[]): Promise<void> =>
  withPod(async (pod, by) => {
    const names = await pod.reserve(wanted, { by })
    await out.result(names, out => namesText(out, names))
  })
const allow = ({ out, withPod }: Session, _: object, wanted: string[]): Promise<void> =>
  withPod(async (pod, by) => {
    const names = await pod.allow(wanted, { by })
    await out.result(names, out => namesText(out, names))
  })

type Rates = Awaited<ReturnType<Parameters<Parameters<Session['withPod']>[0]>[0]['rates']>>
const ratesText = (out: Output, rates: Rates): string =>
  table({
    ...out,
    heads: ['RATE', 'AT ONCE', 'AN HOUR', 'USUAL'],
    rows: rates.map(({ rate, burst, perHour, usual }) => [
      rate,
      String(burst),
      String(perHour),
      burst === usual.burst && perHour === usual.perHour
        ? ''
        : `${usual.burst}, ${usual.perHour} an hour`
    ])
  })

const listRates = ({ out, withPod }: Session): Promise<void> =>
  withPod(async pod => {
    const rates = await pod.rates()
    await out.results(rates, out => ratesText(out, rates))
  })
const setRate = (
  { out, withPod }: Session,
  o: { burst: string; perHour: string },
  rate: string
): Promise<void> =>
  withPod(async (pod, by) => {
    const burst = parseCount(o.burst, 1, 1_000_000)
    const perHour = parseCount(o.perHour, 1, 999_999_999)
    const set = await pod.setRate(rate, { burst, perHour, by })
    await out.result(set, out => ratesText(out, [set]))
  })
const resetRate = ({ out, withPod }: Session, _: object, rate: string): Promise<void> =>
  withPod(async (pod, by) => {
    const set = await pod.resetRate(rate, { by })
    await out.result(set, out => ratesText(out, [set]))
  })
