// Tells the server the browser's time zone, for the user's first pages, and for the profile page to propose.

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
const secure = location.protocol === "https:" ? "; Secure" : "";
const path = document.querySelector("meta[name=root]").content;
if (timeZone) document.cookie = `time_zone=${timeZone}; Path=${path}; Max-Age=31536000; SameSite=Lax${secure}`;
