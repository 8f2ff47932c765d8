// Where the web client begins.

const sentence = document.createElement("p");
sentence.textContent = "This is teamchat. The page for people is still being written.";
document.body.append(sentence);
