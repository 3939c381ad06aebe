import { useState } from 'preact/hooks'

/** Asks for the token. `wrong`: the service did not take the one that was entered. */
export function SignIn({ wrong, onToken }: { wrong: boolean; onToken(token: string): void }) {
  const [text, setText] = useState('')
  const token = text.trim()
  // what a header cannot hold would not be sent
  const usable = /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(token)
  const submit = (event: Event): void => {
    event.preventDefault()
    if (usable) onToken(token)
  }
  return (
    <form class="card sign-in" onSubmit={submit}>
      <h1>Who is asking?</h1>
      <p id="token-help">
        Enter <code>server.api_token</code> of the configuration to see everything, or the{' '}
        <code>webhook.auth_header</code> of a registry to see its tasks. This tab keeps it until it
        is closed.
      </p>
      {wrong && (
        <p class="problem" role="alert">
          acceld does not take this token.
        </p>
      )}
      <label for="token">Token</label>
      <input
        id="token"
        type="password"
        autocomplete="current-password"
        aria-describedby="token-help"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <button type="submit" disabled={!usable}>
        Show the dashboard
      </button>
    </form>
  )
}
