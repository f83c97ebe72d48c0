// The partner's page: it asks its own server for a session, and shows it. It never sees a key.

const dialog = document.getElementById("editor");
const news = document.getElementById("news");
let embed = null;

async function ask(path, body = {}) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

function load(url) {
  if (window.Craftkit) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = () => reject(new Error("The documents are not available just now."));
    document.head.append(script);
  });
}

async function open(customer) {
  const { iframeUrl, scriptUrl } = await ask("session", { customer });
  await load(scriptUrl);
  embed = window.Craftkit.init({
    iframeUrl,
    title: "Invoice",
    refresh: async () => (await ask("refresh")).sessionToken,
    on: {
      ready: () => (news.textContent = "The invoice is open."),
      submitted: ({ renderId }) => (news.textContent = `Invoice ${renderId} was created.`),
      error: ({ message }) => (news.textContent = message),
      close,
    },
  });
  dialog.showModal();
  embed.mount("#document");
}

function close() {
  embed?.destroy();
  embed = null;
  dialog.close();
}

dialog.addEventListener("cancel", close);
for (const button of document.querySelectorAll("[data-customer]")) {
  button.addEventListener("click", () =>
    open(button.dataset.customer).catch((error) => (news.textContent = error.message)),
  );
}
