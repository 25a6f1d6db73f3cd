import type { Command } from 'commander'
import { MuttrError } from '../../base/errors.ts'
import type { Client } from '../../client/client.ts'
import type { Decision, LetterRequest } from '../../client/requests/request.ts'
import { example } from '../example.ts'
import { listMax } from '../ids.ts'
import type { Action } from '../program.ts'
import { lookQuestion, policiesText, requestsText } from '../requests.ts'
import type { Session } from '../session.ts'
import { line } from '../text.ts'
import { parseCount, usage } from '../units.ts'

export function addRequests(program: Command, action: Action): void {
  program.commandsGroup('Letters:')
  example(
    program
      .command('requests')
      .description('who asks to be read: first letters of people you do not know')
      .option('--limit <count>', 'at most so many')
      .option('--policies', 'instead, what you said about senders so far')
      .action(action(list)),
    'muttr requests'
  )
  const who = ['<who>', 'an alias, or the beginning of the id of a request'] as const
  example(
    program
      .command('accept')
      .description('let in what somebody wrote, and what comes from them later')
      .argument(...who)
      .option('--once', 'what waits now; the next letter asks again')
      .option('--yes', 'also when the name looks like that of somebody else; do not ask')
      .action(action(accept)),
    'muttr accept carol@one.test',
    'muttr accept 3fa9c2d1 --once'
  )
  example(
    program
      .command('ignore')
      .description('put away what somebody wrote; the next letter asks again')
      .argument(...who)
      .action(action(ignore)),
    'muttr ignore carol@one.test'
  )
  example(
    program
      .command('block')
      .description('put away what somebody wrote, and ignore what comes later; they cannot tell')
      .argument(...who)
      .action(action(block)),
    'muttr block spam@two.test'
  )
}

async function list(
  { out, withClient }: Session,
  { limit, policies }: { limit?: string; policies?: boolean }
): Promise<void> {
  if (policies && limit !== undefined) throw usage('--limit is for requests')
  const wanted = limit === undefined ? {} : { limit: parseCount(limit, 1, listMax) }
  await withClient(async client => {
    if (policies) {
      const chosen = await client.policies()
      return out.results(chosen, out => policiesText(out, chosen))
    }
    const requests = await client.requests(wanted)
    return out.results(requests, out => requestsText(out, requests))
  })
}

async function accept(
  session: Session,
  { once = false, yes = false }: { once?: boolean; yes?: boolean },
  who: string
): Promise<void> {
  await session.withClient(async client => {
    const request = await find(client, who)
    if (!request && (once || !who.includes('@'))) throw unknown(who)
    if (request && request.looksLike !== null && !yes) await compare(session, request)
    if (!request)
      return said(session, await client.choosePolicy(who, 'pull'), 'comes in from now on')
    return decide(session, client, request, once ? 'once' : 'always')
  })
}

async function ignore(session: Session, _: object, who: string): Promise<void> {
  await session.withClient(async client => {
    const request = await find(client, who)
    if (!request) throw unknown(who)
    await decide(session, client, request, 'ignore')
  })
}

async function block(session: Session, _: object, who: string): Promise<void> {
  await session.withClient(async client => {
    const request = await find(client, who)
    if (request) return decide(session, client, request, 'block')
    if (!who.includes('@')) throw unknown(who)
    return said(session, await client.choosePolicy(who, 'ignore'), 'is ignored from now on')
  })
}

const outcomes: Record<Decision, string> = {
  once: 'let in; the next letter asks again',
  always: 'let in, now and later',
  ignore: 'put away; the next letter asks again',
  block: 'put away; what comes later is ignored'
}

async function decide(
  { out }: Session,
  client: Client,
  request: LetterRequest,
  decision: Decision
): Promise<void> {
  await client.decide(request.id, decision)
  const { alias, letters } = request
  const what = letters === 1 ? '1 letter' : `${letters} letters`
  await out.result(
    { ...request, decision },
    ({ style }) => `${style.good('✓')} ${what} of ${line(alias)} ${outcomes[decision]}.`
  )
}

const said = ({ out }: Session, chosen: { alias: string }, what: string): Promise<void> =>
  out.result(chosen, ({ style }) => `${style.good('✓')} What ${line(chosen.alias)} writes ${what}.`)

const unknown = (who: string): MuttrError => new MuttrError('REQUEST_UNKNOWN', `no request ${who}`)

/** By alias, or by the beginning of an id. @throws {MuttrError} `REQUEST_UNKNOWN` when it could be several */
async function find(client: Client, who: string): Promise<LetterRequest | undefined> {
  const wanted = who.toLowerCase()
  const all = await client.requests({ limit: listMax })
  const found = wanted.includes('@')
    ? all.filter(({ alias }) => alias === wanted)
    : all.filter(({ id }) => wanted.length >= 4 && id.startsWith(wanted))
  const vouched = found.filter(({ certifiedByPod }) => certifiedByPod)
  const [request, ...others] = vouched.length > 0 ? vouched : found
  if (others.length > 0)
    throw new MuttrError('REQUEST_UNKNOWN', `several ask as ${who}`, {
      hint: 'Give the id of one: see `muttr requests`.'
    })
  return request
}

/** Only a person can see that a name is not the one that it looks like. */
async function compare(session: Session, request: LetterRequest): Promise<void> {
  session.out.note(lookQuestion(session.out, request))
  const sure = await session.confirm(`Let ${line(request.alias)} in all the same?`)
  if (sure === undefined)
    throw usage(
      `${request.alias} looks like ${request.looksLike}, and nobody can be asked here`,
      'Give --yes when you are sure.'
    )
  if (!sure) throw new MuttrError('CANCELLED', 'not let in')
}
