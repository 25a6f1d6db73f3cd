import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
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

function Password(): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const old = useSignal('')
  const fresh = useSignal('')
  return (
    <form
      class="stack"
      onSubmit={event =>
        void run(event, async () => {
          await done(() => setPassword(old.value, fresh.value), 'From now on it lets you in.')
          old.value = ''
          fresh.value = ''
        })
      }
    >
      {/* For whoever keeps passwords. */}
      <input hidden readOnly autocomplete="username" value={session.value?.operator.name} />
      {needsOld() && (
        <Line
          label="The one you have"
          type="password"
          value={old.value}
          complete="current-password"
          onValue={value => (old.value = value)}
        />
      )}
      <Line
        label="New password"
        type="password"
        value={fresh.value}
        complete="new-password"
        hint="12 characters or more; four words that have nothing to do with each other are good."
        onValue={value => (fresh.value = value)}
      />
      <Trouble problem={problem} />
      <div>
        <Button kind="primary" type="submit" busy={isBusy}>
          Set password
        </Button>
      </div>
    </form>
  )
}

function BeginCodes(): JSX.Element {
  const { problem, isBusy, run } = useRun()
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
    <form
      class="stack"
      onSubmit={event =>
        void run(event, () =>
          done(
            async () => became(await post<OperatorView>('codes', { secret, code: code.value })),
            'Codes are asked for from now on.'
          )
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
      <Trouble problem={problem} />
      <div>
        <Button kind="primary" type="submit" busy={isBusy}>
          Ask for codes
        </Button>
      </div>
    </form>
  )
}

function EndCodes(): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const password = useSignal('')
  return (
    <form
      class="stack"
      onSubmit={event =>
        void run(event, () =>
          done(
            async () => became(await post<OperatorView>('codes/end', { password: password.value })),
            'No codes any more.'
          )
        )
      }
    >
      <p>Codes are asked for.</p>
      {needsOld() && (
        <Line
          label="Your password"
          type="password"
          value={password.value}
          complete="current-password"
          onValue={value => (password.value = value)}
        />
      )}
      <Trouble problem={problem} />
      <div>
        <Button kind="danger" type="submit" busy={isBusy}>
          Ask for none
        </Button>
      </div>
    </form>
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
