import { useState } from 'preact/hooks'

/** Asks for the token. `problem`: what the service has to say of the one that was entered; empty where there was none. */
export function SignIn({ problem, onToken }: { problem: string; onToken(token: string): void }) {
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
      <h1>Sign in to acceld</h1>
      <p id="token-help">
        Enter <code>server.api_token</code> of the configuration to see everything, or the{' '}
        <code>webhook.auth_header</code> of a registry to see its tasks.
      </p>
      {problem !== '' && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <label for="token">Token</label>
      <input
        id="token"
        type="password"
        autocomplete="current-password"
        aria-describedby="token-help token-stays"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <p id="token-stays" class="quiet-text">
        This tab keeps it until it is closed.
      </p>
      <button type="submit" disabled={!usable}>
        Show the dashboard
      </button>
    </form>
  )
}
