import type { Signal } from '@preact/signals'
import { useSignal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import type { OperatorView, SessionView } from '../../../pod/admin/admin.ts'
import { attempt } from '../../data/toasts.ts'
import { Button, Field, Trouble } from '../../parts/basics.tsx'
import { QrCode } from '../../parts/qr-code.tsx'
import { Section } from '../../parts/section.tsx'
import { useRun } from '../../parts/use-run.ts'
import { Safe } from '../../text/safe.tsx'
import { get, part, post } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { became, logout, session, setPassword } from '../data/session.ts'
import { done, press } from '../parts/deed.ts'
import { Desk, Known, Line, Table, Time } from '../parts/desk.tsx'

export const OwnLogin = (): JSX.Element => (
  <Desk title="Your login">
    <div>
      <Section title="Password" note="A new one ends your other sessions.">
        <Password />
      </Section>
      <Section
        title="One-time codes"
        note="A program on your phone shows a new one twice a minute, which is asked for besides the password."
      >
        {session.value?.operator.hasCodes ? <EndCodes /> : <BeginCodes />}
      </Section>
      <Section
        title="Sessions"
        note="One ends an hour after it was last used, and half a day after it began."
      >
        <Sessions />
      </Section>
    </div>
  </Desk>
)

const needsOld = (): boolean =>
  session.value?.by === 'password' && session.value.operator.hasPassword

/** Fields and the one deed that they are for. */
function Deed({
  act,
  yes,
  kind = 'primary',
  children
}: {
  act: () => Promise<void>
  yes: string
  kind?: 'primary' | 'danger'
  children: ComponentChildren
}): JSX.Element {
  const { problem, isBusy, run } = useRun()
  return (
    <form class="stack" onSubmit={event => void run(event, act)}>
      {children}
      <Trouble problem={problem} />
      <div>
        <Button kind={kind} type="submit" busy={isBusy}>
          {yes}
        </Button>
      </div>
    </form>
  )
}

/** Asked for where a session does not prove it: one by a link does. */
const OldPassword = ({ value }: { value: Signal<string> }): JSX.Element | null =>
  needsOld() ? (
    <Line
      label="The password you have"
      type="password"
      value={value.value}
      complete="current-password"
      onValue={text => (value.value = text)}
    />
  ) : null

function Password(): JSX.Element {
  const old = useSignal('')
  const fresh = useSignal('')
  return (
    <Deed
      yes="Set password"
      act={async () => {
        await done(() => setPassword(old.value, fresh.value), 'From now on it lets you in.')
        old.value = ''
        fresh.value = ''
      }}
    >
      {/* For whoever keeps passwords. */}
      <input hidden readOnly autocomplete="username" value={session.value?.operator.name} />
      <OldPassword value={old} />
      <Line
        label="New password"
        type="password"
        value={fresh.value}
        complete="new-password"
        hint="12 characters or more; four words that have nothing to do with each other are good."
        onValue={value => (fresh.value = value)}
      />
    </Deed>
  )
}

function BeginCodes(): JSX.Element {
  const proposed = useSignal<{ secret: string; uri: string } | null>(null)
  const code = useSignal('')
  if (!proposed.value)
    return (
      <div>
        <Button
          onClick={() =>
            void attempt(async () => {
              proposed.value = await post('codes/propose')
            })
          }
        >
          Set up
        </Button>
      </div>
    )
  const { secret, uri } = proposed.value
  return (
    <Deed
      yes="Ask for codes"
      act={() =>
        done(
          async () => became(await post<OperatorView>('codes', { secret, code: code.value })),
          'Codes are asked for from now on.'
        )
      }
    >
      <QrCode text={uri} label="The secret as a QR code" />
      <Field label="Or type it">
        {id => <input id={id} class="secret" readOnly value={secret} />}
      </Field>
      <Line
        label="The code that it shows"
        value={code.value}
        complete="one-time-code"
        onValue={value => (code.value = value)}
      />
    </Deed>
  )
}

function EndCodes(): JSX.Element {
  const password = useSignal('')
  return (
    <Deed
      yes="Ask for none"
      kind="danger"
      act={() =>
        done(
          async () => became(await post<OperatorView>('codes/end', { password: password.value })),
          'No codes any more.'
        )
      }
    >
      <p>Codes are asked for.</p>
      <OldPassword value={password} />
    </Deed>
  )
}

function Sessions(): JSX.Element {
  const all = useLoad(() => get<SessionView[]>('sessions'))
  return (
    <>
      <Known of={all}>
        {sessions => (
          <Table label="Sessions" heads={['From', 'Began', 'Last used', '']}>
            {sessions.map(({ id, from, by, madeMs, seenMs }) => (
              <tr key={id}>
                <td class="wide">
                  <Safe text={from} />{' '}
                  {id === session.value?.id && <span class="chip">this one</span>}
                </td>
                <td>
                  <Time ms={madeMs} />, by {by}
                </td>
                <td>
                  <Time ms={seenMs} />
                </td>
                <td class="row-buttons">
                  {id !== session.value?.id && (
                    <Button
                      kind="danger"
                      onClick={() => press(() => post(`sessions/${part(id)}/end`), 'Ended.')}
                    >
                      End
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Known>
      <div>
        <Button onClick={() => void attempt(logout)}>Log out here</Button>
      </div>
    </>
  )
}
