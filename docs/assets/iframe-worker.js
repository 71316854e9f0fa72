/* Pages opened from disk may not start a Worker from a file. This runs the search in a hidden frame instead. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = "<!doctype html><title>search</title><script>" +
        "window.importScripts=(...urls)=>urls.reduce((p,u)=>p.then(()=>new Promise(done=>{" +
        "const s=document.createElement('script');s.src=u;s.onload=done;document.body.append(s)})),Promise.resolve());" +
        "window.postMessage=data=>parent.dispatchEvent(new MessageEvent('message',{data,source:window}));" +
        "<\/script><body><script src=" + JSON.stringify(String(url)) + "><\/script>";
      document.body.append(frame);
      this.frame = frame;
      this.ready = new Promise(done => { frame.onload = done; });
      window.addEventListener("message", event => {
        if (event.source !== frame.contentWindow) return;
        const told = new MessageEvent("message", { data: event.data });
        this.dispatchEvent(told);
        if (this.onmessage) this.onmessage(told);
      });
    }
    postMessage(data) {
      this.ready.then(() => {
        const frame = this.frame.contentWindow;
        frame.dispatchEvent(new frame.MessageEvent("message", { data }));
      });
    }
    terminate() { this.frame.remove(); }
  };
}
