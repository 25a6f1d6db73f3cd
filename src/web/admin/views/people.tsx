import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { AccountPage, AccountView } from '../../../pod/office/accounts.ts'
import { attempt } from '../../data/toasts.ts'
import { Button, Empty } from '../../parts/basics.tsx'
import { href, route } from '../../route.ts'
import { size } from '../../text/format.ts'
import { Safe } from '../../text/safe.tsx'
import { get } from '../data/ask.ts'
import { useLoad } from '../data/live.ts'
import { Choice, Desk, Known, Line, Table, Time } from '../parts/desk.tsx'
import { Account } from './account.tsx'

type State = AccountView['state'] | ''
const pageRows = 50

export const People = (): JSX.Element =>
  route.value.id === undefined ? <AccountList /> : <Account id={route.value.id} />

function AccountList(): JSX.Element {
  const text = useSignal('')
  const state = useSignal<State>('')
  const more = useSignal<{ of: string; pages: AccountPage[] }>({ of: '', pages: [] })
  const of = `${state.value} ${text.value}`
  const query = {
    limit: pageRows,
    text: text.value || undefined,
    state: state.value || undefined
  }
  const first = useLoad(() => get<AccountPage>('pod/accounts', query), [of])
  // Pages of another search are none of this one.
  const pages = more.value.of === of ? more.value.pages : []
  return (
    <Desk
      title="People"
      tools={
        <>
          <Line
            label="Search"
            type="search"
            value={text.value}
            onValue={value => (text.value = value)}
          />
          <Choice<State>
            label="State"
            value={state.value}
            options={[
              ['', 'all'],
              ['active', 'active'],
              ['suspended', 'suspended'],
              ['removed', 'removed']
            ]}
            onValue={value => (state.value = value)}
          />
        </>
      }
    >
      <Known of={first}>
        {page => {
          const all = [page, ...pages]
          const accounts = all.flatMap(({ accounts }) => accounts)
          const next = all.at(-1)!.next
          return accounts.length === 0 ? (
            <Empty icon="people" title="Nobody like that" />
          ) : (
            <>
              <Table label="Accounts" heads={['Alias', 'State', 'Devices', 'Notices', 'Seen']}>
                {accounts.map(account => (
                  <AccountLine key={account.account} account={account} />
                ))}
              </Table>
              {next !== null && (
                <div>
                  <Button
                    onClick={() =>
                      void attempt(async () => {
                        const page = await get<AccountPage>('pod/accounts', {
                          ...query,
                          after: next
                        })
                        more.value = { of, pages: [...pages, page] }
                      })
                    }
                  >
                    Show more
                  </Button>
                </div>
              )}
            </>
          )
        }}
      </Known>
    </Desk>
  )
}

const AccountLine = ({ account: a }: { account: AccountView }): JSX.Element => (
  <tr>
    <td class="wide">
      <a href={href('people', a.account)}>
        <Safe text={a.aliases.map(({ name }) => name).join(', ') || a.account.slice(0, 8)} />
      </a>
    </td>
    <td>
      <Standing state={a.state} />
    </td>
    <td>{a.devices.length}</td>
    <td>
      {a.notices} ({size(a.noticeBytes)})
    </td>
    <td>
      <Time ms={a.seenMs} />
    </td>
  </tr>
)

export const Standing = ({ state }: { state: AccountView['state'] }): JSX.Element => (
  <span class={`chip${state === 'active' ? '' : ' bad'}`}>{state}</span>
)
